// Written by scripts/write-server-profiles.ts from core/runners/server/profiles.
import type { ServerProfile } from '../profile.js';

export const PROFILES = {
  "llama-server": {
    "name": "llama-server",
    "summary": "llama.cpp's server, started with the file of the point",
    "checkedAgainst": "llama.cpp v0.4.0",
    "proved": "linux x64, CPU",
    "formats": [
      "gguf"
    ],
    "devices": [
      "cpu",
      "cuda",
      "vulkan",
      "metal"
    ],
    "techniques": [
      "quantization",
      "sparsity",
      "attention",
      "layers",
      "adapter"
    ],
    "command": [
      "llama-server"
    ],
    "version": [
      "--version"
    ],
    "built": "llama-server",
    "arguments": [
      "--host",
      "127.0.0.1",
      "--port",
      "{port}",
      "--model",
      "{model}",
      "--alias",
      "{name}",
      "--metrics",
      "--no-ui",
      "--log-verbosity",
      "3"
    ],
    "adapter": [
      "--lora-scaled",
      "{path}:{scale}"
    ],
    "loras": {
      "format": "gguf",
      "arguments": [],
      "adapter": [
        "--lora-scaled",
        "{path}:0"
      ],
      "request": {
        "lora": [
          {
            "id": "{index}",
            "scale": 1
          }
        ]
      },
      "none": {
        "lora": [
          {
            "id": 0,
            "scale": 0
          }
        ]
      }
    },
    "environment": {},
    "container": {
      "cpu": "ghcr.io/ggml-org/llama.cpp:server",
      "gpu": "ghcr.io/ggml-org/llama.cpp:server-cuda",
      "tag": "",
      "chart": false
    },
    "options": {
      "threads": {
        "arguments": [
          "--threads",
          "{value}"
        ]
      },
      "maxSequences": {
        "arguments": [
          "--parallel",
          "{value}"
        ]
      },
      "maxContext": {
        "arguments": [
          "--ctx-size",
          "{totalContext}"
        ]
      },
      "batch": {
        "arguments": [
          "--batch-size",
          "{value}"
        ]
      },
      "ubatch": {
        "arguments": [
          "--ubatch-size",
          "{value}"
        ]
      },
      "prefixCaching": {
        "cases": {
          "true": [
            "--cache-prompt"
          ],
          "false": [
            "--no-cache-prompt"
          ]
        }
      },
      "kvCacheTypeK": {
        "arguments": [
          "--cache-type-k",
          "{value}"
        ]
      },
      "kvCacheTypeV": {
        "arguments": [
          "--cache-type-v",
          "{value}"
        ]
      },
      "flashAttention": {
        "cases": {
          "auto": [
            "--flash-attn",
            "auto"
          ],
          "true": [
            "--flash-attn",
            "on"
          ],
          "false": [
            "--flash-attn",
            "off"
          ]
        }
      },
      "gpuLayers": {
        "arguments": [
          "--gpu-layers",
          "{value}"
        ]
      },
      "mmap": {
        "cases": {
          "true": [
            "--mmap"
          ],
          "false": [
            "--no-mmap"
          ]
        }
      },
      "speculative": {
        "cases": {
          "off": [
            "--spec-type",
            "none"
          ],
          "draft": [
            "--spec-type",
            "draft-simple",
            "--model-draft",
            "{draftModel}"
          ],
          "ngram": [
            "--spec-type",
            "ngram-simple"
          ],
          "eagle3": [
            "--spec-type",
            "draft-eagle3",
            "--model-draft",
            "{draftModel}"
          ],
          "mtp": [
            "--spec-type",
            "draft-mtp"
          ]
        }
      },
      "draftTokens": {
        "arguments": [
          "--spec-draft-n-max",
          "{value}"
        ]
      }
    },
    "since": {},
    "answerOptions": [
      "kvCacheTypeK",
      "kvCacheTypeV",
      "flashAttention",
      "gpuLayers"
    ],
    "readiness": {
      "path": "/health",
      "seconds": 600
    },
    "tells": {
      "ownedBy": "llamacpp",
      "release": {
        "path": "/props",
        "value": "build_info"
      },
      "model": {
        "path": "/props",
        "value": "model_path"
      }
    },
    "shutdown": {
      "seconds": 10
    },
    "paths": {
      "chat": "/v1/chat/completions",
      "completions": "/v1/completions",
      "models": "/v1/models",
      "metrics": "/metrics"
    },
    "exactLength": {
      "ignore_eos": true
    },
    "streamOptions": {
      "include_usage": true
    },
    "prefixes": {
      "off": {
        "cache_prompt": false
      },
      "run": {},
      "slots": {
        "path": "/props",
        "count": "total_slots",
        "request": {
          "id_slot": "{slot}",
          "cache_prompt": true
        }
      }
    },
    "promptLogProbabilities": null,
    "nextLogProbabilities": {
      "path": "/completion",
      "body": {
        "prompt": "{prompt}",
        "n_predict": 1,
        "temperature": 0,
        "n_probs": 1000,
        "cache_prompt": false
      },
      "list": "completion_probabilities.0.top_logprobs",
      "entry": "listed"
    },
    "metrics": {
      "requestsRunning": [
        "llamacpp:requests_processing"
      ],
      "requestsWaiting": [
        "llamacpp:requests_deferred"
      ],
      "promptTokens": [
        "llamacpp:prompt_tokens_total",
        "llamacpp:prompt_tokens_cached_total"
      ],
      "prefixCacheQueriedTokens": [
        "llamacpp:prompt_tokens_total",
        "llamacpp:prompt_tokens_cached_total"
      ],
      "prefixCacheHitTokens": [
        "llamacpp:prompt_tokens_cached_total"
      ],
      "generatedTokens": [
        "llamacpp:tokens_predicted_total"
      ],
      "decodeSteps": [
        "llamacpp:n_decode_total"
      ],
      "draftedTokens": [
        "llamacpp:spec_decode_num_draft_tokens_total"
      ],
      "acceptedDraftTokens": [
        "llamacpp:spec_decode_num_accepted_tokens_total"
      ],
      "draftSteps": [
        "llamacpp:spec_decode_num_drafts_total"
      ]
    },
    "log": {
      "weightsLoadSeconds": null
    }
  },
  "openai": {
    "name": "openai",
    "summary": "any server that answers by OpenAI's API, at an address or by a command of the node's configuration",
    "checkedAgainst": null,
    "proved": "against the simulated server",
    "formats": [],
    "devices": [
      "cpu",
      "cuda",
      "vulkan",
      "metal"
    ],
    "techniques": [],
    "command": [],
    "version": [
      "--version"
    ],
    "built": null,
    "arguments": [],
    "adapter": [],
    "loras": {
      "format": "peft",
      "arguments": [],
      "adapter": [],
      "request": {
        "model": "{lora}"
      },
      "none": {}
    },
    "environment": {},
    "container": null,
    "options": {},
    "since": {},
    "answerOptions": [],
    "readiness": {
      "path": "/v1/models",
      "seconds": 600
    },
    "tells": null,
    "shutdown": {
      "seconds": 30
    },
    "paths": {
      "chat": "/v1/chat/completions",
      "completions": "/v1/completions",
      "models": "/v1/models",
      "metrics": "/metrics"
    },
    "exactLength": {},
    "streamOptions": {
      "include_usage": true
    },
    "prefixes": null,
    "promptLogProbabilities": {
      "path": "/v1/completions",
      "body": {
        "model": "{model}",
        "prompt": "{prompt}",
        "max_tokens": 1,
        "temperature": 0,
        "echo": true,
        "logprobs": 1
      },
      "list": "choices.0.logprobs.token_logprobs",
      "entry": "number",
      "offsets": "choices.0.logprobs.text_offset"
    },
    "nextLogProbabilities": null,
    "metrics": {},
    "log": {
      "weightsLoadSeconds": null
    }
  },
  "sglang": {
    "name": "sglang",
    "summary": "SGLang, started with the model folder of the point",
    "checkedAgainst": "SGLang 0.5.23",
    "proved": "not yet",
    "formats": [
      "safetensors"
    ],
    "devices": [
      "cuda"
    ],
    "techniques": [],
    "command": [
      "sglang"
    ],
    "version": [
      "version"
    ],
    "built": null,
    "arguments": [
      "serve",
      "--model-path",
      "{model}",
      "--host",
      "127.0.0.1",
      "--port",
      "{port}",
      "--served-model-name",
      "{name}",
      "--enable-metrics"
    ],
    "adapter": [],
    "loras": {
      "format": "peft",
      "arguments": [
        "--enable-lora",
        "--lora-paths"
      ],
      "adapter": [
        "{name}={path}"
      ],
      "request": {
        "lora_path": "{lora}"
      },
      "none": {}
    },
    "environment": {
      "HF_HUB_OFFLINE": "1"
    },
    "container": {
      "cpu": null,
      "gpu": "lmsysorg/sglang",
      "tag": "v{release}",
      "command": [
        "sglang"
      ],
      "chart": false
    },
    "options": {
      "maxSequences": {
        "arguments": [
          "--max-running-requests",
          "{value}"
        ]
      },
      "maxContext": {
        "arguments": [
          "--context-length",
          "{value}"
        ]
      },
      "batchedTokens": {
        "arguments": [
          "--chunked-prefill-size",
          "{value}",
          "--max-prefill-tokens",
          "{value}"
        ]
      },
      "chunkedPrefill": {
        "cases": {
          "true": [],
          "false": [
            "--chunked-prefill-size",
            "-1"
          ]
        }
      },
      "prefixCaching": {
        "cases": {
          "true": [],
          "false": [
            "--disable-radix-cache"
          ]
        }
      },
      "quantizationMethod": {
        "arguments": [
          "--quantization",
          "{value}"
        ],
        "values": [
          "auto-round",
          "auto-round-int8",
          "awq",
          "awq_marlin",
          "bitsandbytes",
          "compressed-tensors",
          "fp8",
          "gguf",
          "gptq",
          "gptq_marlin",
          "humming",
          "mlx_q4",
          "mlx_q8",
          "modelopt",
          "modelopt_fp4",
          "modelopt_fp8",
          "modelopt_mixed",
          "modelslim",
          "moe_wna16",
          "mxfp4",
          "mxfp8",
          "mxfp_w4a8",
          "nvfp4_online",
          "petit_nvfp4",
          "quark",
          "quark_int4fp8_moe",
          "quark_mxfp4",
          "unquant",
          "w4afp8",
          "w8a8_fp8",
          "w8a8_int8"
        ]
      },
      "dataType": {
        "arguments": [
          "--dtype",
          "{value}"
        ],
        "values": [
          "auto",
          "bfloat16",
          "float",
          "float16",
          "float32",
          "half"
        ]
      },
      "kvCacheType": {
        "arguments": [
          "--kv-cache-dtype",
          "{value}"
        ],
        "values": [
          "auto",
          "bf16",
          "bfloat16",
          "fp4_mx_block16",
          "fp8_e4m3",
          "fp8_e5m2",
          "mxfp8",
          "nvfp4"
        ]
      },
      "tensorParallel": {
        "arguments": [
          "--tp-size",
          "{value}"
        ]
      },
      "pipelineParallel": {
        "arguments": [
          "--pp-size",
          "{value}"
        ]
      },
      "dataParallel": {
        "arguments": [
          "--dp-size",
          "{value}"
        ]
      },
      "expertParallel": {
        "cases": {
          "true": [
            "--ep-size",
            "{tensorParallel}"
          ],
          "false": []
        }
      },
      "memoryShare": {
        "arguments": [
          "--mem-fraction-static",
          "{value}"
        ]
      },
      "attentionBackend": {
        "arguments": [
          "--attention-backend",
          "{value}"
        ],
        "values": [
          "aiter",
          "ascend",
          "compressed",
          "cutedsl_mla",
          "dsa",
          "dsv4",
          "fa3",
          "fa4",
          "flashinfer",
          "flashmla",
          "flex_attention",
          "hpc_ops",
          "intel_amx",
          "intel_xpu",
          "llada2_cfg_flashinfer",
          "minicpm_flashattn",
          "minicpm_flashinfer",
          "nsa",
          "qsa",
          "tokenspeed_mla",
          "torch_native",
          "triton",
          "trtllm_mha",
          "trtllm_mla",
          "wave"
        ]
      },
      "cudaGraphs": {
        "cases": {
          "true": [],
          "false": [
            "--cuda-graph-backend-decode",
            "disabled",
            "--cuda-graph-backend-prefill",
            "disabled"
          ]
        }
      },
      "speculative": {
        "cases": {
          "off": [],
          "draft": [
            "--speculative-algorithm",
            "STANDALONE",
            "--speculative-draft-model-path",
            "{draftModel}",
            "--speculative-num-steps",
            "{draftTokens}",
            "--speculative-eagle-topk",
            "1",
            "--speculative-num-draft-tokens",
            "{verifiedTokens}"
          ],
          "ngram": [
            "--speculative-algorithm",
            "NGRAM",
            "--speculative-num-draft-tokens",
            "{draftTokens}"
          ],
          "eagle3": [
            "--speculative-algorithm",
            "EAGLE3",
            "--speculative-draft-model-path",
            "{draftModel}",
            "--speculative-num-steps",
            "{draftTokens}",
            "--speculative-eagle-topk",
            "1",
            "--speculative-num-draft-tokens",
            "{verifiedTokens}"
          ],
          "mtp": [
            "--speculative-algorithm",
            "NEXTN",
            "--speculative-num-steps",
            "{draftTokens}",
            "--speculative-eagle-topk",
            "1",
            "--speculative-num-draft-tokens",
            "{verifiedTokens}"
          ]
        }
      },
      "maxLoras": {
        "arguments": [
          "--enable-lora",
          "--max-loras-per-batch",
          "{value}"
        ]
      }
    },
    "since": {},
    "answerOptions": [
      "quantizationMethod",
      "dataType",
      "kvCacheType",
      "attentionBackend"
    ],
    "readiness": {
      "path": "/health",
      "seconds": 1800
    },
    "tells": {
      "ownedBy": "sglang",
      "release": {
        "path": "/server_info",
        "value": "version"
      },
      "model": {
        "path": "/model_info",
        "value": "model_path"
      }
    },
    "shutdown": {
      "seconds": 30
    },
    "paths": {
      "chat": "/v1/chat/completions",
      "completions": "/v1/completions",
      "models": "/v1/models",
      "metrics": "/metrics"
    },
    "exactLength": {
      "ignore_eos": true,
      "min_tokens": "{wantedTokens}"
    },
    "streamOptions": {
      "include_usage": true,
      "continuous_usage_stats": true
    },
    "prefixes": null,
    "promptLogProbabilities": {
      "path": "/generate",
      "body": {
        "input_ids": "{prompt}",
        "sampling_params": {
          "max_new_tokens": 1,
          "temperature": 0
        },
        "return_logprob": true,
        "logprob_start_len": 0
      },
      "list": "meta_info.input_token_logprobs",
      "entry": "pair"
    },
    "nextLogProbabilities": null,
    "metrics": {
      "requestsRunning": [
        "sglang:num_running_reqs"
      ],
      "requestsWaiting": [
        "sglang:num_queue_reqs"
      ],
      "kvCacheUsageRatio": [
        "sglang:token_usage"
      ],
      "prefixCacheQueriedTokens": [
        "sglang:prompt_tokens_total"
      ],
      "prefixCacheHitTokens": [
        "sglang:cached_tokens_total"
      ],
      "preemptions": [
        "sglang:num_retracted_requests_total"
      ],
      "draftSteps": [
        "sglang:spec_verify_calls_total"
      ],
      "promptTokens": [
        "sglang:prompt_tokens_total"
      ],
      "generatedTokens": [
        "sglang:generation_tokens_total"
      ]
    },
    "log": {
      "weightsLoadSeconds": "Load weight end\\. elapsed=([0-9.]+) s"
    }
  },
  "simulated-server": {
    "name": "simulated-server",
    "summary": "no model and no engine, a server that answers as fast as it is told, or fails as asked",
    "checkedAgainst": null,
    "proved": "everywhere Node runs",
    "formats": [],
    "devices": [
      "cpu"
    ],
    "techniques": [],
    "command": [
      "ridge-simulated-server"
    ],
    "version": [
      "--version"
    ],
    "built": null,
    "arguments": [
      "--port",
      "{port}"
    ],
    "adapter": [],
    "loras": {
      "format": "peft",
      "arguments": [],
      "adapter": [],
      "request": {
        "model": "{lora}"
      },
      "none": {}
    },
    "environment": {},
    "container": null,
    "options": {
      "simulatedTiming": {
        "arguments": [
          "--timing",
          "{value}"
        ]
      },
      "simulatedTtftSeconds": {
        "arguments": [
          "--ttft",
          "{value}"
        ]
      },
      "simulatedItlSeconds": {
        "arguments": [
          "--itl",
          "{value}"
        ]
      },
      "simulatedChunkTokens": {
        "arguments": [
          "--chunk-tokens",
          "{value}"
        ]
      },
      "simulatedFault": {
        "arguments": [
          "--fault",
          "{value}"
        ]
      },
      "simulatedPrefillTokensPerSecond": {
        "arguments": [
          "--prefill",
          "{value}"
        ]
      },
      "simulatedKeeps": {
        "arguments": [
          "--keeps",
          "{value}"
        ]
      },
      "maxSequences": {
        "arguments": [
          "--max-sequences",
          "{value}"
        ]
      }
    },
    "since": {},
    "answerOptions": [],
    "readiness": {
      "path": "/health",
      "seconds": 30
    },
    "tells": {
      "ownedBy": "ridgepoint",
      "release": null,
      "model": null
    },
    "shutdown": {
      "seconds": 5
    },
    "paths": {
      "chat": "/v1/chat/completions",
      "completions": "/v1/completions",
      "models": "/v1/models",
      "metrics": "/metrics"
    },
    "exactLength": {
      "ignore_eos": true
    },
    "streamOptions": {
      "include_usage": true
    },
    "prefixes": {
      "off": {
        "cache_prompt": false
      },
      "run": {}
    },
    "promptLogProbabilities": {
      "path": "/v1/completions",
      "body": {
        "model": "{model}",
        "prompt": "{prompt}",
        "max_tokens": 1,
        "temperature": 0,
        "echo": true,
        "logprobs": 1
      },
      "list": "choices.0.logprobs.token_logprobs",
      "entry": "number",
      "offsets": "choices.0.logprobs.text_offset"
    },
    "nextLogProbabilities": {
      "path": "/completion",
      "body": {
        "prompt": "{prompt}",
        "n_predict": 1,
        "temperature": 0,
        "n_probs": 1000,
        "cache_prompt": false
      },
      "list": "completion_probabilities.0.top_logprobs",
      "entry": "listed"
    },
    "metrics": {
      "requestsRunning": [
        "llamacpp:requests_processing"
      ],
      "requestsWaiting": [
        "llamacpp:requests_deferred"
      ],
      "promptTokens": [
        "llamacpp:prompt_tokens_total",
        "llamacpp:prompt_tokens_cached_total"
      ],
      "prefixCacheQueriedTokens": [
        "llamacpp:prompt_tokens_total",
        "llamacpp:prompt_tokens_cached_total"
      ],
      "prefixCacheHitTokens": [
        "llamacpp:prompt_tokens_cached_total"
      ],
      "generatedTokens": [
        "llamacpp:tokens_predicted_total"
      ]
    },
    "log": {
      "weightsLoadSeconds": null
    }
  },
  "tensorrt-llm": {
    "name": "tensorrt-llm",
    "summary": "TensorRT-LLM's trtllm-serve, started with the model folder of the point",
    "checkedAgainst": "TensorRT-LLM, commit 00209af149e7 of trtllm-serve",
    "proved": "not yet",
    "formats": [
      "safetensors"
    ],
    "devices": [
      "cuda"
    ],
    "techniques": [],
    "command": [
      "trtllm-serve"
    ],
    "version": [
      "--help"
    ],
    "built": null,
    "arguments": [
      "serve",
      "{model}",
      "--host",
      "127.0.0.1",
      "--port",
      "{port}"
    ],
    "adapter": [],
    "loras": null,
    "environment": {
      "HF_HUB_OFFLINE": "1"
    },
    "container": {
      "cpu": null,
      "gpu": "nvcr.io/nvidia/tensorrt-llm/release",
      "tag": "{release}",
      "command": [
        "trtllm-serve"
      ],
      "chart": false
    },
    "options": {
      "maxSequences": {
        "arguments": [
          "--max_batch_size",
          "{value}"
        ]
      },
      "maxContext": {
        "arguments": [
          "--max_seq_len",
          "{value}"
        ]
      },
      "batchedTokens": {
        "arguments": [
          "--max_num_tokens",
          "{value}"
        ]
      },
      "chunkedPrefill": {
        "cases": {
          "true": [
            "--enable_chunked_prefill"
          ],
          "false": []
        }
      },
      "tensorParallel": {
        "arguments": [
          "--tensor_parallel_size",
          "{value}"
        ]
      },
      "pipelineParallel": {
        "arguments": [
          "--pipeline_parallel_size",
          "{value}"
        ]
      },
      "expertParallel": {
        "cases": {
          "true": [
            "--moe_expert_parallel_size",
            "{tensorParallel}"
          ],
          "false": []
        }
      },
      "memoryShare": {
        "arguments": [
          "--free_gpu_memory_fraction",
          "{value}"
        ]
      }
    },
    "since": {},
    "answerOptions": [],
    "readiness": {
      "path": "/health",
      "seconds": 1800
    },
    "tells": {
      "ownedBy": "tensorrt_llm",
      "release": {
        "path": "/version",
        "value": "version"
      },
      "model": null
    },
    "shutdown": {
      "seconds": 60
    },
    "paths": {
      "chat": "/v1/chat/completions",
      "completions": "/v1/completions",
      "models": "/v1/models",
      "metrics": null
    },
    "exactLength": {
      "ignore_eos": true,
      "min_tokens": "{wantedTokens}"
    },
    "streamOptions": {
      "include_usage": true
    },
    "prefixes": null,
    "promptLogProbabilities": null,
    "nextLogProbabilities": null,
    "metrics": {},
    "log": {
      "weightsLoadSeconds": null
    }
  },
  "tgi": {
    "name": "tgi",
    "summary": "Text Generation Inference, started with the model folder of the point",
    "checkedAgainst": "text-generation-inference 3.3.7",
    "proved": "not yet",
    "formats": [
      "safetensors"
    ],
    "devices": [
      "cuda"
    ],
    "techniques": [],
    "command": [
      "text-generation-launcher"
    ],
    "version": [
      "--version"
    ],
    "built": null,
    "arguments": [
      "--model-id",
      "{model}",
      "--hostname",
      "127.0.0.1",
      "--port",
      "{port}",
      "--prometheus-port",
      "0",
      "--shard-uds-path",
      "/tmp/ridgepoint-tgi-{port}",
      "--max-concurrent-requests",
      "65536"
    ],
    "adapter": [],
    "loras": {
      "format": "peft",
      "arguments": [
        "--lora-adapters"
      ],
      "adapter": [
        "{name}={path}"
      ],
      "between": ",",
      "request": {
        "model": "{lora}"
      },
      "none": {}
    },
    "environment": {
      "HF_HUB_OFFLINE": "1",
      "USAGE_STATS": "off"
    },
    "container": {
      "cpu": null,
      "gpu": "ghcr.io/huggingface/text-generation-inference",
      "tag": "{release}",
      "chart": false
    },
    "options": {
      "maxSequences": {
        "arguments": [
          "--max-batch-size",
          "{value}"
        ]
      },
      "maxContext": {
        "arguments": [
          "--max-total-tokens",
          "{value}"
        ]
      },
      "batchedTokens": {
        "arguments": [
          "--max-batch-prefill-tokens",
          "{value}"
        ]
      },
      "quantizationMethod": {
        "arguments": [
          "--quantize",
          "{value}"
        ],
        "values": [
          "awq",
          "bitsandbytes",
          "bitsandbytes-fp4",
          "bitsandbytes-nf4",
          "compressed-tensors",
          "eetq",
          "exl2",
          "fp8",
          "gptq",
          "marlin"
        ]
      },
      "dataType": {
        "arguments": [
          "--dtype",
          "{value}"
        ],
        "values": [
          "bfloat16",
          "float16"
        ]
      },
      "kvCacheType": {
        "arguments": [
          "--kv-cache-dtype",
          "{value}"
        ],
        "values": [
          "fp8_e4m3fn",
          "fp8_e5m2"
        ]
      },
      "tensorParallel": {
        "arguments": [
          "--num-shard",
          "{value}"
        ]
      },
      "memoryShare": {
        "arguments": [
          "--cuda-memory-fraction",
          "{value}"
        ]
      },
      "cudaGraphs": {
        "cases": {
          "true": [],
          "false": [
            "--cuda-graphs",
            "0"
          ]
        }
      },
      "speculative": {
        "cases": {
          "off": [],
          "ngram": [
            "--speculate",
            "{draftTokens}"
          ]
        }
      }
    },
    "since": {},
    "answerOptions": [
      "quantizationMethod",
      "dataType",
      "kvCacheType"
    ],
    "readiness": {
      "path": "/health",
      "seconds": 1800
    },
    "tells": {
      "ownedBy": "{model}",
      "release": {
        "path": "/info",
        "value": "version"
      },
      "model": {
        "path": "/info",
        "value": "model_id"
      }
    },
    "shutdown": {
      "seconds": 120
    },
    "paths": {
      "chat": "/v1/chat/completions",
      "completions": "/v1/completions",
      "models": "/v1/models",
      "metrics": "/metrics"
    },
    "exactLength": {},
    "streamOptions": {
      "include_usage": true
    },
    "prefixes": null,
    "promptLogProbabilities": null,
    "nextLogProbabilities": null,
    "metrics": {
      "requestsRunning": [
        "tgi_batch_current_size"
      ],
      "requestsWaiting": [
        "tgi_queue_size"
      ],
      "acceptedDraftTokens": [
        "tgi_request_skipped_tokens_sum"
      ],
      "promptTokens": [
        "tgi_request_input_length_sum"
      ],
      "generatedTokens": [
        "tgi_request_generated_tokens_sum"
      ],
      "decodeSteps": [
        "tgi_batch_inference_count"
      ]
    },
    "log": {
      "weightsLoadSeconds": null
    }
  },
  "vllm": {
    "name": "vllm",
    "summary": "vLLM, started with the model folder of the point",
    "checkedAgainst": "vLLM 0.32.0 and 0.33.0",
    "proved": "linux x64, CPU: 0.32.0 in float32",
    "formats": [
      "safetensors"
    ],
    "devices": [
      "cpu",
      "cuda"
    ],
    "techniques": [],
    "command": [
      "vllm"
    ],
    "version": [
      "--version"
    ],
    "built": null,
    "arguments": [
      "serve",
      "{model}",
      "--host",
      "127.0.0.1",
      "--port",
      "{port}",
      "--served-model-name",
      "{name}",
      "--disable-uvicorn-access-log",
      "--enable-prompt-tokens-details"
    ],
    "adapter": [],
    "loras": {
      "format": "peft",
      "arguments": [
        "--enable-lora",
        "--lora-modules"
      ],
      "adapter": [
        "{name}={path}"
      ],
      "request": {
        "model": "{lora}"
      },
      "none": {}
    },
    "environment": {
      "HF_HUB_OFFLINE": "1",
      "VLLM_NO_USAGE_STATS": "1"
    },
    "container": {
      "cpu": null,
      "gpu": "vllm/vllm-openai",
      "tag": "v{release}",
      "command": [
        "vllm"
      ],
      "chart": true
    },
    "options": {
      "maxSequences": {
        "arguments": [
          "--max-num-seqs",
          "{value}"
        ]
      },
      "maxContext": {
        "arguments": [
          "--max-model-len",
          "{value}"
        ]
      },
      "batchedTokens": {
        "arguments": [
          "--max-num-batched-tokens",
          "{value}"
        ]
      },
      "chunkedPrefill": {
        "cases": {
          "true": [
            "--enable-chunked-prefill"
          ],
          "false": [
            "--no-enable-chunked-prefill"
          ]
        }
      },
      "prefixCaching": {
        "cases": {
          "true": [
            "--enable-prefix-caching"
          ],
          "false": [
            "--no-enable-prefix-caching"
          ]
        }
      },
      "quantizationMethod": {
        "arguments": [
          "--quantization",
          "{value}"
        ],
        "values": [
          "auto_awq",
          "auto_gptq",
          "awq",
          "awq_marlin",
          "compressed-tensors",
          "deepseek_v4_fp8",
          "experts_int8",
          "fbgemm_fp8",
          "fp8",
          "fp8_per_block",
          "fp8_per_channel",
          "fp8_per_tensor",
          "fp_quant",
          "gpt_oss_mxfp4",
          "gptq",
          "gptq_marlin",
          "humming",
          "inc",
          "int8_per_channel_weight_only",
          "modelopt",
          "modelopt_fp4",
          "modelopt_mixed",
          "modelopt_mxfp8",
          "moe_wna16",
          "mxfp4",
          "mxfp8",
          "nvfp4_per_token",
          "online",
          "quark",
          "torchao"
        ]
      },
      "dataType": {
        "arguments": [
          "--dtype",
          "{value}"
        ],
        "values": [
          "auto",
          "bfloat16",
          "float",
          "float16",
          "float32",
          "half"
        ]
      },
      "kvCacheType": {
        "arguments": [
          "--kv-cache-dtype",
          "{value}"
        ],
        "values": [
          "auto",
          "bfloat16",
          "float16",
          "fp8",
          "fp8_ds_mla",
          "fp8_e4m3",
          "fp8_e5m2",
          "fp8_inc",
          "fp8_per_token_head",
          "int4_per_token_head",
          "int8_per_token_head",
          "nvfp4",
          "nvfp4_4over6",
          "nvfp4_ds_mla",
          "octave_k3v3",
          "octave_k3v3_compact",
          "octave_k3v4",
          "turboquant_3bit_nc",
          "turboquant_4bit_nc",
          "turboquant_k3v4_nc",
          "turboquant_k8v4",
          "ultraquant_4bit"
        ]
      },
      "tensorParallel": {
        "arguments": [
          "--tensor-parallel-size",
          "{value}"
        ]
      },
      "pipelineParallel": {
        "arguments": [
          "--pipeline-parallel-size",
          "{value}"
        ]
      },
      "dataParallel": {
        "arguments": [
          "--data-parallel-size",
          "{value}"
        ]
      },
      "expertParallel": {
        "cases": {
          "true": [
            "--enable-expert-parallel"
          ],
          "false": [
            "--no-enable-expert-parallel"
          ]
        }
      },
      "memoryShare": {
        "arguments": [
          "--gpu-memory-utilization",
          "{value}"
        ]
      },
      "attentionBackend": {
        "arguments": [
          "--attention-backend",
          "{value}"
        ],
        "values": [
          "FLASH_ATTN",
          "FLASH_ATTN_DIFFKV",
          "TRITON_ATTN",
          "TRITON_ATTN_DIFFKV",
          "TRITON_FLASH_ATTN",
          "ROCM_ATTN",
          "ROCM_SEGMENTED_ATTN",
          "ROCM_AITER_MLA",
          "ROCM_AITER_TRITON_MLA",
          "ROCM_AITER_FA",
          "ROCM_AITER_MLA_SPARSE",
          "XPU_MLA_SPARSE",
          "TORCH_SDPA",
          "FLASHINFER",
          "TRITON_FLASHINFER",
          "FLASHINFER_MLA",
          "TOKENSPEED_MLA",
          "FLASHINFER_MLA_SPARSE",
          "FLASHINFER_MLA_SPARSE_SM120",
          "FLASHINFER_MLA_SPARSE_SM90",
          "TRITON_MLA",
          "CUTLASS_MLA",
          "FLASHMLA",
          "FLASHMLA_SPARSE",
          "FLASHMLA_SPARSE_DSV4",
          "FLASHINFER_MLA_SPARSE_DSV4",
          "ROCM_FLASHMLA_SPARSE_DSV4",
          "FLASHMLA_SPARSE_DSV41",
          "FLASHINFER_MLA_SPARSE_DSV41",
          "ROCM_FLASHMLA_SPARSE_DSV41",
          "FLASHMLA_MEGA_ATTN_DSV41",
          "B12X",
          "FLASH_ATTN_MLA",
          "FLASH_ATTN_MLA_SPARSE",
          "FLASH_ATTN_MLA_SPARSE_FA4",
          "MINIMAX_M3_SPARSE",
          "CUTLASS_MSA",
          "TRITON_MSA",
          "STEP5_DSA",
          "FLEX_ATTENTION",
          "HPC_ATTN",
          "ROCM_AITER_UNIFIED_ATTN",
          "CPU_ATTN",
          "CPU_MLA",
          "AMX_MLA",
          "TURBOQUANT",
          "ROCM_OCTAVE",
          "ULTRAQUANT"
        ]
      },
      "cudaGraphs": {
        "cases": {
          "true": [
            "--no-enforce-eager"
          ],
          "false": [
            "--enforce-eager"
          ]
        }
      },
      "speculative": {
        "cases": {
          "off": [],
          "draft": [
            "--spec-method",
            "draft_model",
            "--spec-model",
            "{draftModel}",
            "--spec-tokens",
            "{draftTokens}"
          ],
          "ngram": [
            "--spec-method",
            "ngram",
            "--spec-tokens",
            "{draftTokens}"
          ],
          "eagle3": [
            "--spec-method",
            "eagle3",
            "--spec-model",
            "{draftModel}",
            "--spec-tokens",
            "{draftTokens}"
          ],
          "mtp": [
            "--spec-method",
            "mtp",
            "--spec-tokens",
            "{draftTokens}"
          ]
        }
      },
      "maxLoras": {
        "arguments": [
          "--enable-lora",
          "--max-loras",
          "{value}"
        ]
      }
    },
    "since": {
      "kvCacheType": {
        "octave_k3v3": "0.33.0",
        "octave_k3v3_compact": "0.33.0",
        "octave_k3v4": "0.33.0"
      },
      "attentionBackend": {
        "FLASH_ATTN_MLA_SPARSE_FA4": "0.33.0",
        "ROCM_FLASHMLA_SPARSE_DSV41": "0.33.0",
        "ROCM_OCTAVE": "0.33.0",
        "STEP5_DSA": "0.33.0"
      }
    },
    "answerOptions": [
      "quantizationMethod",
      "dataType",
      "kvCacheType",
      "attentionBackend"
    ],
    "readiness": {
      "path": "/health",
      "seconds": 1800
    },
    "tells": {
      "ownedBy": "vllm",
      "release": {
        "path": "/version",
        "value": "version"
      },
      "model": {
        "path": "/v1/models",
        "value": "data.0.root"
      }
    },
    "shutdown": {
      "seconds": 30
    },
    "paths": {
      "chat": "/v1/chat/completions",
      "completions": "/v1/completions",
      "models": "/v1/models",
      "metrics": "/metrics"
    },
    "exactLength": {
      "ignore_eos": true,
      "min_tokens": "{wantedTokens}"
    },
    "streamOptions": {
      "include_usage": true,
      "continuous_usage_stats": true
    },
    "prefixes": {
      "off": {
        "cache_salt": "{unique}"
      },
      "run": {
        "cache_salt": "{run}"
      }
    },
    "promptLogProbabilities": {
      "path": "/v1/completions",
      "body": {
        "model": "{model}",
        "prompt": "{prompt}",
        "max_tokens": 1,
        "temperature": 0,
        "prompt_logprobs": 1
      },
      "list": "choices.0.prompt_logprobs",
      "entry": "by-token"
    },
    "nextLogProbabilities": {
      "path": "/v1/completions",
      "body": {
        "model": "{model}",
        "prompt": "{prompt}",
        "max_tokens": 1,
        "temperature": 0,
        "logprobs": 20,
        "return_tokens_as_token_ids": true
      },
      "list": "choices.0.logprobs.top_logprobs.0",
      "entry": "named"
    },
    "metrics": {
      "requestsRunning": [
        "vllm:num_requests_running"
      ],
      "requestsWaiting": [
        "vllm:num_requests_waiting"
      ],
      "kvCacheUsageRatio": [
        "vllm:kv_cache_usage_perc"
      ],
      "prefixCacheQueriedTokens": [
        "vllm:prefix_cache_queries_total"
      ],
      "prefixCacheHitTokens": [
        "vllm:prefix_cache_hits_total"
      ],
      "preemptions": [
        "vllm:num_preemptions_total"
      ],
      "draftedTokens": [
        "vllm:spec_decode_num_draft_tokens_total"
      ],
      "acceptedDraftTokens": [
        "vllm:spec_decode_num_accepted_tokens_total"
      ],
      "draftSteps": [
        "vllm:spec_decode_num_drafts_total"
      ],
      "promptTokens": [
        "vllm:prompt_tokens_total"
      ],
      "generatedTokens": [
        "vllm:generation_tokens_total"
      ],
      "decodeSteps": [
        "vllm:iteration_tokens_total_count"
      ]
    },
    "log": {
      "weightsLoadSeconds": "Loading weights took ([0-9.]+) seconds"
    }
  },
} as const satisfies Readonly<Record<string, ServerProfile>>;
