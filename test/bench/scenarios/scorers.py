"""Scores cases by the packages that define the scores: reads JSON on standard input, writes JSON. Needs sacrebleu, rouge-score, scikit-learn."""
import json
import sys

import numpy
import sacrebleu
import sklearn
from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU, CHRF
from sklearn import metrics

bleu, sentence_bleu = BLEU(), BLEU(effective_order=True)
chrf, chrf_words = CHRF(), CHRF(word_order=2)
rouge = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"])


def finite(value):
    return float(value) if numpy.isfinite(value) else None


def text(case):
    answers, references = case["answers"], case["references"]
    transposed = [list(column) for column in zip(*references)]
    sentences = []
    for answer, wanted in zip(answers, references):
        rouges = rouge.score_multi(wanted, answer)
        sentences.append({
            "bleu": sentence_bleu.sentence_score(answer, wanted).score / 100,
            "chrf": chrf.sentence_score(answer, wanted).score / 100,
            "chrf++": chrf_words.sentence_score(answer, wanted).score / 100,
            "rouge-1": rouges["rouge1"].fmeasure,
            "rouge-2": rouges["rouge2"].fmeasure,
            "rouge-l": rouges["rougeL"].fmeasure,
        })
    return {
        "sentences": sentences,
        "bleu": bleu.corpus_score(answers, transposed).score / 100,
        "chrf": chrf.corpus_score(answers, transposed).score / 100,
        "chrf++": chrf_words.corpus_score(answers, transposed).score / 100,
    }


def classes(case):
    truth, said = case["truth"], case["said"]
    labels = sorted(set(truth))
    f1 = lambda average: metrics.f1_score(truth, said, labels=labels, average=average, zero_division=0)
    every = labels + sorted(set(said) - set(labels))
    return {
        "macroF1": f1("macro"),
        "weightedF1": f1("weighted"),
        "accuracy": metrics.accuracy_score(truth, said),
        "balancedAccuracy": metrics.recall_score(truth, said, labels=labels, average="macro", zero_division=0),
        "confusion": metrics.confusion_matrix(truth, said, labels=every).tolist(),
    }


def numbers(case):
    truth, said = case["truth"], case["said"]
    return {
        "rmse": metrics.root_mean_squared_error(truth, said),
        "mae": metrics.mean_absolute_error(truth, said),
        "auc": metrics.roc_auc_score(case["positive"], said) if len(set(case["positive"])) == 2 else None,
    }


def grades(case):
    kappa = lambda weights: finite(
        metrics.cohen_kappa_score(case["a"], case["b"], labels=case["scale"], weights=weights))
    return {"none": kappa(None), "linear": kappa("linear"), "quadratic": kappa("quadratic")}


kinds = {"text": text, "classes": classes, "numbers": numbers, "grades": grades}
cases = json.load(sys.stdin)
json.dump({
    "versions": {"sacrebleu": sacrebleu.__version__, "scikit-learn": sklearn.__version__},
    "found": [kinds[case["kind"]](case) for case in cases],
}, sys.stdout)
