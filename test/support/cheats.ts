/**
 * Wrong answers to "def twice(x):" that try to pass nevertheless: what each does, and its text. None knows
 * what twice is.
 */
export const CHEATS: readonly (readonly [string, string])[] = [
  [
    'reads its own file and prints what looks like a token',
    `    pass
import os, re
try: text = open(__file__).read()
except Exception: text = open("/tmp/program").read()
for token in re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", text): print(token, flush=True)
os._exit(0)
`,
  ],
  [
    'looks through the frames and objects of its interpreter, and answers from the tests it finds',
    String.raw`    import gc, re, sys
    found = []
    frame = sys._getframe()
    while frame: found += frame.f_code.co_consts; frame = frame.f_back
    for held in gc.get_objects():
        try: found += [repr(held)]
        except Exception: pass
    text = " ".join(map(str, found)) + open("/tmp/program").read()
    known = re.search(r"f\(%s\) == (\d+)" % re.escape(str(x)), text)
    return int(known[1]) if known else None
`,
  ],
  [
    'goes through its descriptors and the processes around it',
    String.raw`    import os, re
    text = ""
    for path in [*("/proc/self/fd/%d" % i for i in range(64)), *("/proc/%s/%s" % (i, j) for i in (os.getppid(), 1, 2, 3) for j in ("mem", "environ", "cmdline", "root/tmp/program"))]:
        try: text += open(path, errors="replace").read(1 << 16)
        except OSError: pass
    for i in range(4, 64):
        try: text += os.read(i, 1 << 16).decode(errors="replace")
        except OSError: pass
    known = re.search(r"f\(%s\) == (\d+)" % re.escape(str(x)), text)
    return int(known[1]) if known else None
`,
  ],
  ['ends early', '    import os, sys\n    sys.stdout.flush()\n    os._exit(0)\n'],
  ['ends when it is defined', '    pass\nimport os; os._exit(0)\n'],
  ['ends well whatever happened', '    pass\nimport atexit, os; atexit.register(os._exit, 0)\n'],
  [
    'patches the language',
    `    return 5
import builtins, os, sys
builtins.AssertionError = type("Nothing", (BaseException,), {"__init__": lambda *given: os._exit(0)})
builtins.exec = lambda *given: os._exit(0)
sys.excepthook = lambda *given: os._exit(0)
`,
  ],
  [
    'returns what equals everything',
    `    class Any(int):
        def __eq__(self, other): return True
        def __ne__(self, other): return False
        __hash__ = int.__hash__
    return Any(7)
`,
  ],
  [
    'returns an object that equals everything',
    '    return type("Any", (), {"__eq__": lambda *given: True})()\n',
  ],
  [
    'answers over the channel before it is asked',
    String.raw`    return None
import os
for line in (b'{"value": true}\n', b'{"value": ["exit", 0]}\n', b'{"raised": "SystemExit", "text": "0"}\n') * 9:
    os.write(3, line)
`,
  ],
  [
    'ends the tests by what it raises',
    '    raise type("SystemExit", (Exception,), {"__module__": "builtins"})(0)\n',
  ],
  ['floods the channel', '    pass\nimport os\nwhile True: os.write(3, b"nothing\\n" * 1000)\n'],
  ['asks the channel for the tests', '    import os\n    return os.read(3, 100)\n'],
];
