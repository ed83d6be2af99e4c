#!/usr/bin/env python3
"""Scores generated text by the packages that define the scores: a command for `scorers` of an agent's configuration.

    scorers:
      bertscore:
        command: [/opt/scores/bin/python, /opt/scores/text_metrics.py, bertscore]
        timeoutSeconds: 600

Reads a line of JSON for each answer, {"id", "prompt", "answer", "references"}, and writes {"id", "score"} for each, from 0 to 1; of several references
the best counts (BLEU: all of them together).

| score                    | needs                        | is                                                                          |
| bleu, chrf, chrf++       | sacrebleu                    | of a sentence: BLEU with effective order, chrF2, chrF2++, divided by 100    |
| rouge-1 -2 -l -lsum      | rouge-score                  | F1; with `--stem` by stems of English words                                 |
| meteor                   | nltk, and its data wordnet   | nltk's METEOR 1.0 with its default weights, of words in lower case          |
| bertscore                | bert-score, and its model    | F1; `--model NAME` (or FOLDER, with `--layers N`) and `--rescale` as the package has them, cut to 0 to 1 |

Install what you use: pip install sacrebleu rouge-score nltk bert-score. It downloads nothing that it can do without; METEOR's words come by
`python -m nltk.downloader wordnet`.
"""

import argparse
import importlib
import json
import sys


def missing(package, hint):
    """Ends with one sentence."""
    sys.exit(f"text_metrics.py: {package} is not installed for {sys.executable}: {hint}")


def need(module, package):
    try:
        return importlib.import_module(module)
    except ImportError:
        missing(package, f"{sys.executable} -m pip install {package}")


def sacre(name):
    metrics = need("sacrebleu.metrics", "sacrebleu")
    metric = {
        "bleu": lambda: metrics.BLEU(effective_order=True),
        "chrf": metrics.CHRF,
        "chrf++": lambda: metrics.CHRF(word_order=2),
    }[name]()
    return lambda answer, references: metric.sentence_score(answer, references).score / 100


def rouge(name, stem):
    kind = {"rouge-1": "rouge1", "rouge-2": "rouge2", "rouge-l": "rougeL", "rouge-lsum": "rougeLsum"}[name]
    scorer = need("rouge_score.rouge_scorer", "rouge-score").RougeScorer([kind], use_stemmer=stem)
    return lambda answer, references: scorer.score_multi(references, answer)[kind].fmeasure


def meteor():
    score = need("nltk.translate.meteor_score", "nltk").meteor_score
    words = lambda text: text.lower().split()
    try:
        score([["a"]], ["b"])
    except (LookupError, OSError):  # none, or part of it
        missing("nltk's data wordnet", f"{sys.executable} -m nltk.downloader wordnet")
    return lambda answer, references: score([words(one) for one in references], words(answer))


def bert(model, layers, rescale, language):
    score = need("bert_score", "bert-score").BERTScorer(
        model_type=model, num_layers=layers, lang=language, rescale_with_baseline=rescale
    )
    return lambda answer, references: score.score([answer], [references])[2].item()


def scorer(options):
    if options.score in ("bleu", "chrf", "chrf++"):
        return sacre(options.score)
    if options.score.startswith("rouge"):
        return rouge(options.score, options.stem)
    if options.score == "meteor":
        return meteor()
    return bert(options.model, options.layers, options.rescale, options.language)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ["bleu", "chrf", "chrf++", "rouge-1", "rouge-2", "rouge-l", "rouge-lsum", "meteor", "bertscore"]
    parser.add_argument("score", choices=names)
    parser.add_argument("--stem", action="store_true", help="ROUGE: compare stems of English words")
    parser.add_argument("--model", help="BERTScore: name or folder of the model")
    parser.add_argument("--layers", type=int, help="BERTScore: which layer of a model that the package does not know")
    parser.add_argument("--rescale", action="store_true", help="BERTScore: rescale with the baseline of its language")
    parser.add_argument("--language", default="en", help="BERTScore: of the answers")
    options = parser.parse_args()
    score = scorer(options)
    for line in sys.stdin:
        if line.strip() == "":
            continue
        question = json.loads(line)
        references = question.get("references") or []
        said = {"id": question["id"], "score": None, "reason": "it has no reference"}
        if references:
            said = {"id": question["id"], "score": min(1.0, max(0.0, float(score(question["answer"], references))))}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
