"""n independent samples of one problem."""

from pydantic import Field

from apps.methods.base import Context, Draft, Method, Params, ProblemView, methods, user

INSTRUCTION = "{statement}"


class SampleParams(Params):
    samples: int = Field(1, ge=1, le=256, description="Traces for each problem.")
    temperature: float = Field(1.0, ge=0, le=2, description="0 is greedy: every sample the same.")
    max_tokens: int = Field(1024, ge=16, le=200_000, description="Longest trace, in tokens.")


@methods.register("sample")
class Sample(Method[SampleParams]):
    """Independent samples: the teacher answers each problem n times, and all are kept."""

    version = 1
    roles = ("solver",)
    params = SampleParams

    @classmethod
    def items_per_problem(cls, params: SampleParams) -> int:
        return params.samples

    async def run(self, ctx: Context, problem: ProblemView, params: SampleParams) -> list[Draft]:
        completion = await ctx.complete(
            "solver",
            user(INSTRUCTION.format(statement=problem.statement)),
            sampling={"temperature": params.temperature, "max_tokens": params.max_tokens},
        )
        return [Draft.of(completion, role="solver")]
