"""What people say to any assistant, whatever it knows: greetings, thanks, `who are you`, `say that again`."""

import re
from enum import Enum

from antiphon.stages.llm.words import split_words, word_set


class SmallTalk(Enum):
    """What an utterance without a request of its own wants."""

    GREETING = "greeting"
    HELP = "help"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    IDENTITY = "identity"
    HOW_ARE_YOU = "how are you"
    REPEAT = "repeat"
    EVERYTHING = "everything"
    STOP = "stop"
    MISUNDERSTOOD = "misunderstood"
    AGREEMENT = "agreement"
    REFUSAL = "refusal"


_SUBJECT = (
    r"(?:it|this|that|(?:the|this|your) (?:house|home|property|place|apartment|flat|hotel"
    r"|restaurant|company|account|listing|building))"
)
# These decide alone, wherever they stand; the order matters.
_ASKED = (
    (
        SmallTalk.REPEAT,
        r"\b(?:repeat (?:that|it|this|yourself|the (?:last|answer))|repeat(?: please)?$|say "
        r"(?:that|it) (?:again|once more)|come again"
        r"|what did you (?:just )?say|once (?:more|again)(?: please)?$|(?:didn't|did not|couldn't"
        r"|could not) (?:quite )?"
        r"(?:hear|catch|get|understand) (?:that|you|it|what)|i beg your pardon|^pardon(?: me)?$"
        r"|^(?:sorry )?what was that$|^sorry what$)",
    ),
    (
        SmallTalk.STOP,
        r"^(?:no )?(?:please )?(?:stop|wait|hold on|hang on|be quiet|shut up|enough|never ?mind|cancel that)\b",
    ),
    (
        SmallTalk.MISUNDERSTOOD,
        r"\b(?:not what i (?:meant|asked|said)|you (?:misunderstood|got (?:it|that|me) wrong)"
        r"|that(?:'s| is) (?:wrong|not right))\b",
    ),
    (
        SmallTalk.EVERYTHING,
        r"\b(?:(?:tell me|know|say|hear|give me|read(?: me)?|list|explain) (?:\w+ ){0,2}?(?:everything"
        r"|all (?:of )?(?:the |about|you know|that)|the (?:full|whole))"
        r"|^tell me more(?: please)?$|everything (?:about|you know|there is)|all (?:the|of the) "
        r"(?:facts|details|information)"
        rf"|describe {_SUBJECT}(?: to me)?|(?:tell me|tell us|know|hear|say)(?: (?:more|something"
        rf"|a bit(?: more)?|a little))? about {_SUBJECT}(?: please)?$"
        rf"|what (?:can you tell me|do you know)(?: about {_SUBJECT})?(?: please)?$|(?:an? )?(?:overview"
        rf"|summary|full description)\b|summari[sz]e {_SUBJECT})",
    ),
    (
        SmallTalk.IDENTITY,
        r"\b(?:who (?:are|r) you|what are you$|what are you (?:called|exactly)|your name|who "
        r"(?:am i|is this)(?: (?:talking|speaking))?(?: to| with)?$"
        r"|are you (?:a |an |the )?(?:really |real )?(?:robot|human|person|machine|computer"
        r"|bot|ai|real|alive|gpt|chatgpt|language model|assistant|intelligent|conscious|agent)"
        r"|who (?:made|built|created|trained) you|how old are you|where are you from|what (?:language "
        r")?model (?:are|do) you"
        r"|(?:am i|i am) (?:talking|speaking) (?:to|with) (?:a|an)\b|do you (?:like|love|enjoy"
        r"|feel|believe|dream|sleep|have feelings|have a name))",
    ),
    (
        SmallTalk.HELP,
        r"\b(?:what (?:else )?can (?:you|i) (?:do|ask|help|say|know)|what do you do\b|how (?:can"
        r"|do|could) you (?:help|work)|(?:can|could) you help"
        r"|(?:i )?need (?:some |your )?help$|^help(?: me)?(?: please)?$|what (?:questions )?(?:can"
        r"|should|may) i ask|what are you able)",
    ),
    (SmallTalk.HOW_ARE_YOU, r"\b(?:how are you|how do you do|how(?:'s| is) it going|are you (?:ok|okay|well|fine))\b"),
)
# These are made of such words and nothing else.
_MADE_OF = (
    (
        SmallTalk.GOODBYE,
        "bye goodbye farewell later ciao",
        "good see you night have a nice day that's that is all for now then so long take care thanks thank very much",
    ),
    (
        SmallTalk.THANKS,
        "thanks thank cheers appreciate",
        "you very much so a lot many really i it that's that is was great perfect kind of sounds "
        "good to me helpful all wonderful lovely for the your help information",
    ),
    (
        SmallTalk.GREETING,
        "hello hi hey greetings morning afternoon evening howdy welcome",
        "good there to you everyone all again my name is can anybody anyone hear me is on the line",
    ),
    (
        SmallTalk.AGREEMENT,
        "yes yeah yep ok okay sure right fine alright correct great good perfect exactly cool understood",
        "that is sounds to me i see very all that's it",
    ),
    (
        SmallTalk.REFUSAL,
        "no nope nah nothing",
        "not really thanks thank you that is all else for now i don't do more that's",
    ),
)
_POLITE = word_set("please um uh er ah oh well so and then now just ok okay yes yeah no")


def recognise(text: str) -> SmallTalk | None:
    """Return what a small-talk utterance wants, None when it is something else."""
    plain = " ".join(text.lower().replace("\u2019", "'").translate(_NO_PUNCTUATION).split())
    for kind, pattern in _ASKED_PATTERNS:
        if pattern.search(plain):
            return kind
    words = [word for word in plain.split() if word]
    return next((kind for kind, keys, fill in _WORD_SETS if _is_made_of(words, keys, fill)), None)


def greets(text: str) -> bool:
    """Tell whether `text` begins with a greeting, whatever follows."""
    return split_words(text)[:1] in (["hello"], ["hi"], ["hey"])


def _is_made_of(words: list[str], keys: frozenset[str], fill: frozenset[str]) -> bool:
    return bool(keys.intersection(words)) and all(word in keys or word in fill or word in _POLITE for word in words)


_NO_PUNCTUATION = str.maketrans(dict.fromkeys('?!.,;:"()', " "))
_ASKED_PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in _ASKED)
_WORD_SETS = tuple((kind, frozenset(keys.split()), frozenset(fill.split())) for kind, keys, fill in _MADE_OF)
