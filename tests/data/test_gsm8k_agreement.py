"""Our verdicts against the published ones on GSM8K's example model solutions."""

import gzip
import json
import time

import pytest

from apps.grading.base import ReferenceAnswer
from apps.grading.sandbox import Sandbox
from tests.paths import shared_data

pytestmark = pytest.mark.data
SYSTEMS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


@pytest.mark.parametrize("grader", ["exact", "mathematical"])
def test_verdicts_agree_with_the_authors_on_at_least_ninety_nine_percent(
    grader: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shared_data() / "gsm8k"
    golds = {}
    for line in (folder / "test.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        golds[row["question"]] = row["answer"].rpartition("####")[2].strip()
    questions, said = [], []
    with gzip.open(folder / "example_model_solutions_0000-0879.jsonl.gz", "rt", "utf-8") as rows:
        for line in rows:
            row = json.loads(line)
            gold = ReferenceAnswer(golds[row["question"]], "integer")
            for system in SYSTEMS:
                questions.append((grader, gold, row[system]["solution"]))
                said.append(row[system]["is_correct"])
    begin = time.perf_counter()
    with Sandbox(1) as sandbox:
        results = sandbox.check_many(questions)
    seconds = time.perf_counter() - begin
    agreed = 0
    with capsys.disabled():
        print()
        for (_, gold, text), theirs, result in zip(questions, said, results, strict=True):
            if (result.verdict == "correct") == theirs:
                agreed += 1
                continue
            print(
                f"  authors: {'correct' if theirs else 'incorrect'}, ours: {result.verdict}; "
                f"gold {gold.value!r} as {result.gold_parsed!r}; found {result.extracted!r} as "
                f"{result.answer_parsed!r} by {result.method}; ends {text[-40:]!r}"
            )
        print(
            f"  {grader}: {agreed} of {len(said)} agree ({agreed / len(said):.2%}), "
            f"{len(said) / seconds:.0f} answers/s"
        )
    assert len(said) == 3520
    assert agreed / len(said) >= 0.99
    assert seconds < 20
