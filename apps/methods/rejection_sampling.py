"""Sample until a check accepts, at most n times (STaR-style filtering; Zelikman et al. 2022)."""

from pydantic import Field

from apps.grading.base import Verdict
from apps.methods.base import Context, Draft, Method, Params, ProblemView, methods, user


class RejectionSamplingParams(Params):
    attempts: int = Field(4, ge=1, le=64, description="Most samples drawn for a problem.")
    grader: str = Field("mathematical", description="The check that accepts a sample.")
    keep_last: bool = Field(False, description="Keep the last sample when none was accepted.")
    temperature: float = Field(1.0, ge=0, le=2, description="0 is greedy: every attempt the same.")
    max_tokens: int = Field(1024, ge=16, le=200_000, description="Longest trace, in tokens.")


@methods.register("rejection-sampling")
class RejectionSampling(Method[RejectionSamplingParams]):
    """Rejection sampling: the teacher tries until its answer is right, at most n times."""

    version = 1
    roles = ("solver",)
    params = RejectionSamplingParams
    source = "Zelikman et al., STaR: Bootstrapping Reasoning With Reasoning, 2022"

    async def run(
        self, ctx: Context, problem: ProblemView, params: RejectionSamplingParams
    ) -> list[Draft]:
        draft: Draft | None = None
        for attempt in range(1, params.attempts + 1):
            completion = await ctx.complete(
                "solver",
                user(problem.statement),
                sampling={"temperature": params.temperature, "max_tokens": params.max_tokens},
            )
            result = await ctx.check(params.grader, completion.text)
            details = {"attempt": attempt, "verdict": str(result.verdict)}
            draft = Draft.of(completion, role="solver", details=details)
            if result.verdict == Verdict.CORRECT:
                return [draft]
        return [draft] if draft is not None and params.keep_last else []
