/**
 * Runs the tests of an answer in another process than the answer. Two programs of Python speak over
 * descriptor 3: a line of JSON for a call, and one for its result. The answer may do whatever it likes in its
 * own process: read files and memory, patch the language, end early, write to the descriptor. The tests only
 * ever get plain data, whose comparisons it cannot redefine. So their exit code is the verdict.
 */

/**
 * How values travel. None, booleans and texts are what they are in JSON; any other plain value is a list of
 * its kind and its contents. Nothing else can travel.
 */
const VALUES = String.raw`
def packed(value):
    if value is None or isinstance(value, (bool, str)): return value
    if isinstance(value, int): return ["int", "%x" % value]
    if isinstance(value, float): return ["float", value.hex()]
    if isinstance(value, complex): return ["complex", [value.real.hex(), value.imag.hex()]]
    if isinstance(value, (bytes, bytearray)): return [kind_of(value, bytes, bytearray), value.hex()]
    if isinstance(value, dict): return ["dict", [[packed(key), packed(one)] for key, one in value.items()]]
    if isinstance(value, (list, tuple, set, frozenset)):
        return [kind_of(value, list, tuple, set, frozenset), [packed(one) for one in value]]
    if isinstance(value, collections.abc.Iterator): return ["iter", [packed(one) for one in value]]
    raise TypeError("a " + type(value).__name__ + " is no plain data")

def kind_of(value, *kinds):
    return next(kind.__name__ for kind in kinds if isinstance(value, kind))

def unpacked(value):
    if value is None or isinstance(value, (bool, str)): return value
    kind, held = value
    return READ[kind](held)

def each(held):
    return [unpacked(one) for one in held]

READ = {
    "int": lambda held: int(held, 16),
    "float": float.fromhex,
    "complex": lambda held: complex(*map(float.fromhex, held)),
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "list": each,
    "tuple": lambda held: tuple(each(held)),
    "set": lambda held: set(each(held)),
    "frozenset": lambda held: frozenset(each(held)),
    "iter": lambda held: iter(each(held)),
    "dict": lambda held: dict(each(pair) for pair in held),
}

lines = open(3, encoding="ascii")
out = open(3, "w", encoding="ascii", closefd=False)

def send(message):
    out.write(json.dumps(message) + "\n")
    out.flush()
`;

/**
 * @returns a program that runs an answer's as its main program, and then carries out the calls of the tests.
 */
export function answeringProgram(program: string): string {
  return `
import collections.abc, json, sys, types
${VALUES}
main = types.ModuleType("__main__")
sys.modules["__main__"] = main
exec(compile(${literal(program)}, "answer", "exec"), main.__dict__)
for line in lines:
    try:
        name, positional, named = unpacked(json.loads(line))
        send({"value": packed(getattr(main, name)(*positional, **named))})
    except Exception as error:
        kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
        send({"raised": kinds[0], "text": str(error)})
`;
}

/**
 * @returns a program that runs tests; exit code 0 = they hold. It ends with 1 at once when the answer's
 *   process has ended or sends what cannot be read, whatever exceptions the tests catch.
 */
export function testingProgram(tests: string): string {
  return String.raw`
import builtins, collections.abc, json, os, sys, types
${VALUES}
def raised(name, text):
    kind = getattr(builtins, name, None)
    usual = isinstance(kind, type) and issubclass(kind, Exception)
    return kind.__new__(kind, text) if usual else RuntimeError(text)

class Answer:
    def __getattr__(self, name):
        def call(*positional, **named):
            question = packed([name, positional, named])
            try:
                send(question)
                reply = json.loads(lines.readline())
                if "value" in reply: return unpacked(reply["value"])
                error = raised(reply["raised"], reply["text"])
            except BaseException as problem:
                sys.stderr.write("the answer has no value that can be read: %r\n" % problem)
                sys.stderr.flush()
                os._exit(1)
            raise error
        call.__name__ = name
        return call

main = types.ModuleType("__main__")
main.answer = Answer()
sys.modules["__main__"] = main
exec(compile(${literal(tests)}, "tests", "exec"), main.__dict__)
`;
}

/** @returns a text as a literal of Python, which reads the escapes of JSON. */
const literal = (text: string) => JSON.stringify(text);
