"""A small trigram language model from weighted sentences, written in the ARPA format. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_BEGIN, _END = "<s>", "</s>"
# Absolute discounting (Ney, Essen and Kneser 1994): this much of every count is kept for unseen successors.
_DISCOUNT = 0.5
_NEVER = -99.0  # log10 of a probability that stands for zero, as ARPA files write it

Sentence = tuple[str, ...]
_Counts = Counter[Sentence]


@dataclass(frozen=True)
class NgramModel:
    """Probabilities and back-off weights, log10, of one-, two- and three-word sequences.

    Args:
        probabilities: log10 P(last word | the words before it), by n-gram.
        backoffs: log10 of what a history hands down to its shorter self, by n-gram.
    """

    probabilities: Mapping[Sentence, float]
    backoffs: Mapping[Sentence, float]

    @property
    def words(self) -> frozenset[str]:
        """The vocabulary, without the marks of beginning and end."""
        return frozenset(gram[0] for gram in self.probabilities if len(gram) == 1) - {_BEGIN, _END}

    def log10_probability(self, word: str, history: Sequence[str] = ()) -> float:
        """Return log10 P(word | history); the last two words of `history` count."""
        context = tuple(history[-2:])
        gram = (*context, word)
        if gram in self.probabilities:
            return self.probabilities[gram]
        if not context:
            return _NEVER
        return self.backoffs.get(context, 0.0) + self.log10_probability(word, context[1:])

    def arpa(self) -> str:
        """Return the model as an ARPA file's text."""
        orders = [sorted(gram for gram in self.probabilities if len(gram) == order) for order in (1, 2, 3)]
        lines = ["\\data\\", *(f"ngram {order}={len(grams)}" for order, grams in enumerate(orders, 1)), ""]
        for order, grams in enumerate(orders, 1):
            lines.append(f"\\{order}-grams:")
            lines.extend(self._line(gram) for gram in grams)
            lines.append("")
        return "\n".join([*lines, "\\end\\", ""])

    def _line(self, gram: Sentence) -> str:
        line = f"{self.probabilities[gram]:.4f}\t{' '.join(gram)}"
        return line if len(gram) == 3 else f"{line}\t{self.backoffs.get(gram, 0.0):.4f}"


def ngram_model(sentences: Mapping[Sentence, float]) -> NgramModel:
    """Estimate a model from sentences and how often each is expected; at least one must have a word."""
    counts = _count(sentences)
    probabilities: dict[Sentence, float] = {}
    backoffs: dict[Sentence, float] = {}
    linear = _unigrams(counts[1])
    for gram, probability in linear.items():
        probabilities[gram] = math.log10(probability)
    probabilities[(_BEGIN,)] = _NEVER
    for order in (2, 3):
        linear = _higher_order(counts[order], linear, backoffs)
        probabilities.update((gram, math.log10(min(probability, 1.0))) for gram, probability in linear.items())
    return NgramModel(probabilities, backoffs)


def _count(sentences: Mapping[Sentence, float]) -> dict[int, _Counts]:
    counts: dict[int, _Counts] = {order: Counter() for order in (1, 2, 3)}
    for sentence, weight in sentences.items():
        marked = (_BEGIN, *sentence, _END)
        for order in (1, 2, 3):
            for start in range(len(marked) - order + 1):
                counts[order][marked[start : start + order]] += weight  # type: ignore[assignment]
    del counts[1][(_BEGIN,)]
    return counts


def _unigrams(counts: _Counts) -> dict[Sentence, float]:
    total = sum(counts.values())
    return {gram: count / total for gram, count in counts.items()}


def _higher_order(
    counts: _Counts, lower: Mapping[Sentence, float], backoffs: dict[Sentence, float]
) -> dict[Sentence, float]:
    """Return interpolated probabilities of one order; add the back-off weights of its histories."""
    totals: Counter[Sentence] = Counter()
    kept: Counter[Sentence] = Counter()
    for gram, count in counts.items():
        totals[gram[:-1]] += count
        kept[gram[:-1]] += min(count, _DISCOUNT)  # type: ignore[assignment]
    for history, total in totals.items():
        backoffs[history] = math.log10(kept[history] / total)
    return {
        gram: (count - min(count, _DISCOUNT) + kept[gram[:-1]] * lower[gram[1:]]) / totals[gram[:-1]]
        for gram, count in counts.items()
    }


def merge(groups: Iterable[tuple[float, Iterable[Sequence[str]]]]) -> dict[Sentence, float]:
    """Add up sentences of several groups; a group's weight goes to each of its sentences, once per group."""
    merged: dict[Sentence, float] = {}
    for weight, sentences in groups:
        for sentence in dict.fromkeys(tuple(words) for words in sentences if words):
            merged[sentence] = merged.get(sentence, 0.0) + weight
    return merged
