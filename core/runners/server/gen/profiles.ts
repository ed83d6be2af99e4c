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
      "adapter"
    ],
    "command": [
      "llama-server"
    ],
    "version": [
      "--version"
    ],
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
    "environment": {},
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
    "metrics": {
      "requestsRunning": [
        "llamacpp:requests_processing"
      ],
      "requestsWaiting": [
        "llamacpp:requests_deferred"
      ],
      "promptTokens": [
        "llamacpp:prompt_tokens_total"
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
    "arguments": [],
    "adapter": [],
    "environment": {},
    "options": {},
    "answerOptions": [],
    "readiness": {
      "path": "/v1/models",
      "seconds": 600
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
    "exactLength": {},
    "metrics": {},
    "log": {
      "weightsLoadSeconds": null
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
    "arguments": [
      "--port",
      "{port}"
    ],
    "adapter": [],
    "environment": {},
    "options": {
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
      "maxSequences": {
        "arguments": [
          "--max-sequences",
          "{value}"
        ]
      }
    },
    "answerOptions": [],
    "readiness": {
      "path": "/health",
      "seconds": 30
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
    "metrics": {
      "requestsRunning": [
        "llamacpp:requests_processing"
      ],
      "requestsWaiting": [
        "llamacpp:requests_deferred"
      ],
      "generatedTokens": [
        "llamacpp:tokens_predicted_total"
      ]
    },
    "log": {
      "weightsLoadSeconds": null
    }
  },
} as const satisfies Readonly<Record<string, ServerProfile>>;
