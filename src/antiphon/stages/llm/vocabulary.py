"""What English words have to do with one another, as far as tables of facts and requests need it.

Nothing here is about one table: a property, a hotel, a restaurant and an account share these words.
"""

from functools import lru_cache

from antiphon.stages.llm.words import stem, word_list, word_set

# Words that carry no topic. They are compared as spoken, not by stem: `living` is not `live`.
STOP_WORDS = word_set(
    """type sort somewhere anywhere someone anyone long meant a an the this that these those it its he she they
    them their there here i me my mine we us our you your yours is are was were be been being am do does did
    doing done has have had having can could would should will shall may might must not no yes yeah yep nope ok
    okay please thanks thank hello hi hey well so um uh er ah oh hmm just really actually maybe perhaps probably
    possibly also too very quite rather some any all each every both either neither and or but if then than as
    at by for from in into of off on onto over to under up upon with without within about what which who whom
    whose how why tell know say said give get got let want wanted like need wish see show find out come go going
    gonna wanna much many more most lot lots anything something everything one ones thing things kind sort bit
    else such only even still yet now ever again back around through via per regarding concerning wonder
    wondering ask asking question interested information info detail details describe explain look looking
    whether because while during between half their they're i'm i'd i'll it'd sure great good nice fine wait
    think guess suppose believe mean sorry excuse make makes come comes contain contains include offer offers
    exactly currently today right left sir madam hear heard mind curious quick quickly available use used using
    own bring keep take taken serve stay left please try wondering sell fit direction way"""
)
# Words that say a little about a topic and nothing alone.
WEAK_WORDS = word_set("when outside inside good nice own separate private public local main")

# What a table of facts may be about; in a question such a word stands for the whole table.
SUBJECT_WORDS = word_set(
    """house home property place building apartment flat unit estate listing villa cottage hotel restaurant company
    business shop store account product item thing premises object"""
)

# Parts of keys that only qualify: `floor_area`, `total_price`.
QUALIFIERS = word_set(
    "total overall floor full current number count amount value currency unit asking net gross info details"
)

_TOPICS = (
    "pet dog cat animal puppy kitten",
    "pool swim swimming swimmer",
    "garage carport",
    "parking park car vehicle",
    "garden yard backyard lawn outdoor",
    "bathroom bath washroom toilet",
    "bedroom bed",
    "furnished furniture furnishings unfurnished",
    "energy efficiency epc efficient",
    "rating rate grade class",
    "viewing visit tour visiting",
    "station train railway rail",
    "kitchen cooking",
    "lounge living",
    "wifi internet wireless broadband",
    "breakfast brunch",
    "phone telephone mobile",
    "email mail",
    "allowed permitted accepted allow permit accept welcome",
    "vegetarian vegan veggie",
    "dish meal menu food",
    "reservation booking",
    "heating heater heat",
    "aircon cooling",
    "elevator lift",
    "balcony terrace patio",
    "child kid children",
    "wheelchair accessible disabled accessibility",
    "balance funds",
    "renewal renew renews",
    "owner holder",
    "smoking smoke smoker",
    "gym fitness",
    "face facing faces orientation",
    "light bright sunny lit",
    "payment paid",
    "reference identifier id",
    "weather forecast temperature",
)
_TOPIC_OF = {stem(word): stem(line.split()[0]) for line in _TOPICS for word in line.split()}
# A garage answers where a car is parked, though the words differ; likewise in the other direction.
_RELATED = (frozenset({stem("garage"), stem("parking")}), frozenset({stem("viewing"), "view"}))

# Words that ask for a property of a topic, and the kinds of facts that answer, the best first.
_ATTRIBUTES = {
    ("price",): "price cost expensive cheap cheaper pay worth charge afford dollar euro pound usd eur gbp fee money",
    ("price", "area", "count"): "howmuch",
    ("area",): (
        "area size big large small bigger larger space spacious footage sqft sqm square feet "
        "foot metre meter dimension acre"
    ),
    ("age",): "old age built constructed construction year founded established",
    ("distance",): "far distance km kilometre kilometer mile near nearest nearby away walk close closest minute",
    ("place", "name", "distance"): "where",
    ("place",): "address located location situated street city",
    ("time", "age"): "when",
    ("time",): "time hour open opening close closing date day schedule",
    ("count",): "howmany",
    ("name",): "name title",
}
_ATTRIBUTES_OF: dict[str, tuple[str, ...]] = {}
for _kinds, _words in _ATTRIBUTES.items():
    for _word in _words.split():
        # `close` asks for a distance or for a time.
        _ATTRIBUTES_OF[stem(_word)] = _ATTRIBUTES_OF.get(stem(_word), ()) + _kinds

UNITS = {
    "sqft": ("area", "square feet"),
    "sqm": ("area", "square metres"),
    "m2": ("area", "square metres"),
    "acres": ("area", "acres"),
    "km": ("distance", "kilometres"),
    "miles": ("distance", "miles"),
    "metres": ("distance", "metres"),
    "meters": ("distance", "metres"),
    "minutes": ("time", "minutes"),
    "min": ("time", "minutes"),
    "mins": ("time", "minutes"),
    "hours": ("time", "hours"),
    "days": ("time", "days"),
    "kg": ("weight", "kilograms"),
    "percent": ("share", "percent"),
    "pct": ("share", "percent"),
    "celsius": ("temperature", "degrees Celsius"),
    "kwh": ("energy", "kilowatt hours"),
    "gb": ("data", "gigabytes"),
    "mb": ("data", "megabytes"),
    "mbps": ("data", "megabits per second"),
}
CURRENCIES = {
    "usd": ("US dollar", "US dollars"),
    "eur": ("euro", "euros"),
    "gbp": ("pound", "pounds"),
    "chf": ("Swiss franc", "Swiss francs"),
    "cad": ("Canadian dollar", "Canadian dollars"),
    "aud": ("Australian dollar", "Australian dollars"),
    "jpy": ("yen", "yen"),
    "inr": ("rupee", "rupees"),
    "cny": ("yuan", "yuan"),
    "sek": ("Swedish krona", "Swedish kronor"),
    "pln": ("zloty", "zloty"),
}

# Parts of keys whose numbers are amounts of the currency beside them.
MONEY_WORDS = word_set("amount balance deposit rent total payment salary tax value limit")

WEEKDAYS = word_list("monday tuesday wednesday thursday friday saturday sunday")
MONTHS = word_list("january february march april may june july august september october november december")
DAY_PARTS = word_list("morning afternoon evening night noon midday midnight")
# Words that say when; they support a match and never make one.
TIME_WORDS = frozenset(
    stem(word)
    for word in (
        *WEEKDAYS,
        *MONTHS,
        *DAY_PARTS,
        "weekend",
        "week",
        "month",
        "tomorrow",
        "tonight",
        "next",
        "last",
        "am",
        "pm",
    )
)

# Requests to do something, which no fact can answer.
BOOKING_VERBS = word_set("book schedule reserve arrange")
ACTION_VERBS = BOOKING_VERBS | word_set(
    """order buy purchase send email mail call phone ring remind play turn switch set cancel change transfer
    connect go move add remove delete create start pause close lock unlock put write translate sing count dim
    skip increase decrease raise lower mute"""
)
_VERB_GROUPS = (
    "book schedule reserve arrange appointment reservation booking",
    "send email mail message",
    "call phone ring dial",
    "transfer connect agent human representative operator person handoff handover escalate somebody someone",
    "show display view navigate go open see present",
    "next forward following",
    "previous back last before",
    "turn switch toggle set",
    "cancel delete remove",
    "order buy purchase",
    "find search look lookup",
    "end hang goodbye quit",
    "weather forecast temperature rain sunny",
    "light lamp",
    "remind reminder alarm",
    "play music song",
)
_VERB_OF = {stem(word): stem(line.split()[0]) for line in _VERB_GROUPS for word in line.split()}


def topic_of(stemmed: str) -> str:
    """Return the topic that a stem stands for: `puppi` and `dog` both mean `pet`."""
    return _TOPIC_OF.get(stemmed, stemmed)


@lru_cache(maxsize=16384)
def topics_agree(one: str, other: str) -> bool:
    """Tell whether two stems speak of the same topic."""
    one, other = topic_of(one), topic_of(other)
    return one == other or any(one in group and other in group for group in _RELATED)


@lru_cache(maxsize=1024)
def topic_members(stemmed: str) -> frozenset[str]:
    """Return every stem that means the same topic."""
    topic = topic_of(stemmed)
    return frozenset(member for member, owner in _TOPIC_OF.items() if owner == topic) | {stemmed}


def attributes_of(stemmed: str) -> tuple[str, ...]:
    """Return the kinds of facts that a stem asks for, the best first; () for a topic."""
    return _ATTRIBUTES_OF.get(stemmed, ())


def verb_of(stemmed: str) -> str:
    """Return what stands for a verb of requests and its like: `schedul` for `book`."""
    return _VERB_OF.get(stemmed, stemmed)
