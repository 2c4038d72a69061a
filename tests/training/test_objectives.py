from tests.tiny import INFILLER, MODEL, TOKENIZER, make_pieces
from tfmusic.models import make_model
from tfmusic.models.kinds import KINDS
from tfmusic.training.objectives import OBJECTIVES


def test_every_kind_of_model_has_an_objective():
    assert set(OBJECTIVES) == set(KINDS)


def test_evaluators_are_made_alike_and_report_what_is_best_when_lowest():
    pieces = make_pieces(24, 16)
    for config in (MODEL, INFILLER):
        model = make_model(config)
        evaluator = OBJECTIVES[config.kind].evaluator(model, TOKENIZER, pieces)
        scores = evaluator()
        assert scores["num_tokens"] == 24 + 16
        assert 0 < scores["nats_per_token"] < 20
