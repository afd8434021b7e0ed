"""Equality after normalising: numbers, choices, labels and short texts, no algebra."""

from apps.grading.base import Check, CheckParams, CheckResult, ReferenceAnswer, Verdict, graders
from apps.grading.extraction import extract
from apps.grading.fast import check_fast, kind_of, no_answer


@graders.register("exact")
class Exact(Check):
    """Equal after normalising: numbers, choices, labels and short texts; formulas by their text."""

    version = 1

    def check(self, gold: ReferenceAnswer, text: str, params: CheckParams) -> CheckResult:
        """Decide without algebra. Formulas spelled differently are left to a person."""
        result = check_fast(gold, text)
        if result is not None:
            return result
        found = extract(text, kind_of(gold))
        if found is None:
            return no_answer(gold)
        return CheckResult(
            Verdict.NEEDS_HUMAN, found.text, found.span, f"{found.rung}/text", found.weak,
            gold.value, found.text,
            "The two are spelled differently, and this check does no algebra.",
        )

    def quick(self, gold: ReferenceAnswer, text: str, params: CheckParams) -> CheckResult | None:
        """Always quick: bounded text, no engine."""
        return self.check(gold, text, params)
