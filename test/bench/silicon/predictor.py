"""What NVIDIA's predictor (aiconfigurator 0.12.0, Apache-2.0) says of points that are measured.

    python3 -m venv VENV && VENV/bin/pip install aiconfigurator==0.12.0
    npm run bench -- silicon --data=FOLDER --sample=POINTS.json
    VENV/bin/python test/bench/silicon/predictor.py POINTS.json test/bench/silicon/predictor.csv

Two to three seconds a point. A line is written for each as it comes, and what the file has already is not
asked again. Lengths are given as its users give them, as stated; labels of formats as the points state them,
and where it refuses them, as it infers them from the model.
"""

import csv
import json
import logging
import os
import sys
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
# A config that is not in the package would be asked of the network.
os.environ["HF_HUB_OFFLINE"] = "1"

from aiconfigurator.cli.api import cli_estimate

# Names whose config lies in the package under another.
RENAMED = {
    "meta-llama/Llama-3.1-70B": "meta-llama/Meta-Llama-3.1-70B",
    "meta-llama/Llama-3.1-8B-Instruct": "meta-llama/Meta-Llama-3.1-8B",
    "nvidia/Llama-3.1-8B-Instruct-FP8": "meta-llama/Meta-Llama-3.1-8B",
    "nvidia/Qwen3-32B-NVFP4": "Qwen/Qwen3-32B",
    "nvidia/DeepSeek-R1-NVFP4": "deepseek-ai/DeepSeek-R1",
    "zhipuai/GLM-5": "zai-org/GLM-5",
}


def estimate(point, stated):
    served = point["served"]
    label = point["label"]
    experts = {}
    if point["mixture"]:
        experts = {"moe_tp_size": served["expertTensor"], "moe_ep_size": served["expert"]}
    formats = {}
    if stated:
        formats = {
            "gemm_quant_mode": label["gemm"] or None,
            "moe_quant_mode": label["experts"] or None,
        }
    answer = cli_estimate(
        RENAMED.get(point["path"], point["path"]),
        point["device"],
        backend_name=point["engine"],
        isl=point["promptTokens"],
        osl=point["answerTokens"],
        batch_size=max(1, round(point["concurrency"] / served["data"])),
        tp_size=served["tensor"],
        attention_dp_size=served["data"],
        **experts,
        **formats,
    )
    return float(answer.ttft), float(answer.tpot)


def main(points_file, answers_file):
    with open(points_file) as file:
        points = json.load(file)
    known = set()
    if os.path.exists(answers_file):
        with open(answers_file) as file:
            known = {row["id"] for row in csv.DictReader(file)}
    with open(answers_file, "a") as file:
        if not known:
            file.write("id,ttft_ms,tpot_ms,refused\n")
        for point in points:
            if point["id"] in known:
                continue
            refused = ""
            for stated in (True, False):
                try:
                    ttft, tpot = estimate(point, stated)
                    file.write(f"{point['id']},{ttft:.6g},{tpot:.6g},\n")
                    break
                except BaseException as error:  # it exits, too
                    if isinstance(error, KeyboardInterrupt):
                        raise
                    refused = refused or type(error).__name__
            else:
                file.write(f"{point['id']},,,{refused}\n")
            file.flush()


main(*sys.argv[1:])
