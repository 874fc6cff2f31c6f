#!/usr/bin/env python3
"""Proves the lemmas of bounds.txt with Gappa and Sollya, for the constants that the core has. README.md says more.

    check.py              all of them: a line for each; exit status 1 if one is not proven, 2 if the provers are missing
    check.py exp.g ...    those of these scripts
    check.py --show FILE  a script as the prover gets it, case by case
    check.py --constants  writes constants.g anew, from core/src
"""

import re
import shutil
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from os import cpu_count
from pathlib import Path

HERE = Path(__file__).parent
SOURCE = HERE / "../../core/src"
U = Fraction(1, 2**53)
# Of waiting for a prover: a busy machine may take ten times as long as an idle one.
SECONDS = 300


def hexadecimal(bits):
    (value,) = struct.unpack(">d", int(bits.replace("_", ""), 16).to_bytes(8, "big"))
    return value.hex()


def constants():
    """constants.g: the generated block of the core's source, and the slope of its sigmoid near 0, as definitions."""
    source = (SOURCE / "number/elementary.rs").read_text()
    block = source.split("// BEGIN GENERATED COEFFICIENTS\n")[1].split("// END GENERATED COEFFICIENTS\n")[0]
    lines = ["# Made by check.py --constants from core/src.", "@rnd = float<ieee_64, ne>;"]
    for name, rows in re.findall(r"const (\w+): \[f64; \d+\] = \[(.*?)\];", block, re.DOTALL):
        for order, bits in enumerate(re.findall(r"from_bits\(0x([0-9a-f_]+)\)", rows)):
            lines.append(f"{name}_{order} = {hexadecimal(bits)};")
    for name, bits in re.findall(r"const (\w+): f64 = f64::from_bits\(0x([0-9a-f_]+)\)", block):
        lines.append(f"{name} = {hexadecimal(bits)};")
    slope = re.search(r"const SLOPE: f64 = 0.25 - 0.25 / ([\d_]+)\.0;", (SOURCE / "activation/sigmoid.rs").read_text())
    lines.append(f"SLOPE = {(0.25 - 0.25 / int(slope[1])).hex()};")
    return "\n".join(lines) + "\n"


def number(text):
    """A bound in u: a decimal, or a power of two."""
    power = re.fullmatch(r"2\^(-?\d+)", text)
    return Fraction(2) ** int(power[1]) if power else Fraction(text)


def dyadic(value):
    """The number as Gappa and the eye read it, exactly."""
    exponent = value.denominator.bit_length() - 1
    if value.denominator != 1 << exponent:
        sys.exit(f"bounds.txt: {value} is no multiple of a power of two")
    return f"{value.numerator}b-{exponent}"


class Lemma:
    def __init__(self, line):
        self.name, bound, self.how = line.split(None, 2)
        self.bound = number(bound) * U
        self.by_hand = self.how.startswith("= ")
        self.scripts = [] if self.by_hand else self.how.split()


def lemmas():
    lines = (HERE / "bounds.txt").read_text().splitlines()
    return {lemma.name: lemma for lemma in map(Lemma, filter(lambda line: line and line[0] != "#", lines))}


class Fault(Exception):
    pass


def bound(table, name):
    if name not in table:
        raise Fault(f"{name} is not in bounds.txt")
    return table[name].bound


def cases(text):
    """The script for each of its cases: `# case: a = b; c = d` puts b for %a and d for %c."""
    found = re.findall(r"^# case: (.*)$", text, re.MULTILINE)
    for case in found or [""]:
        one = text
        for pair in filter(None, case.split(";")):
            name, value = pair.split("=", 1)
            one = re.sub(rf"%{name.strip()}\b", value.strip(), one)
        yield case, with_pairs(one)


class Pairs:
    """Definitions `name pair= expression;`, evaluated in pairs: for each operation what the lemma of that operation says.

    A sum is of terms of one sign, `a - b` of terms of which each is. That they are is to be proven too. Of two numbers
    of a script, `x = rnd(x_);`, or constants, sum and difference are exact.
    """

    def __init__(self, text):
        self.numbers = set(re.findall(r"^(\w+) = rnd\(\1_\);", text, re.MULTILINE))
        self.given, self.goals = [], []

    def expand(self, name, expression):
        """What stands in the script for a definition: those of sums that are exact. The last operation has its name."""
        self.name, self.count = name, 0
        self.tokens = re.findall(r"[\w.]+|[^\w\s]", expression) + [";"]
        self.lines = []
        before = len(self.given), len(self.goals)
        result = self.sum()
        if self.tokens != [";"] or not result.startswith(f"{name}_"):
            raise Fault(f"{name} pair= {expression}: {self.tokens[0]} is not understood")
        for parts, start in zip((self.given, self.goals, self.lines), (*before, 0)):
            parts[start:] = [re.sub(rf"\b{result}\b", name, part) for part in parts[start:]]
        return "\n".join(self.lines)

    def node(self, operation, lemma, *goals):
        self.count += 1
        node = f"{self.name}_{self.count}"
        self.given.append(lemma.replace("NODE", node).replace("VALUE", operation))
        self.goals += goals
        return node

    def is_number(self, operand):
        return operand in self.numbers or re.fullmatch(r"[\d.]+", operand)

    def sum(self):
        left = self.product()
        while self.tokens[0] in "+-":
            sign, right = self.tokens.pop(0), self.product()
            value = f"{left} {sign} {right}"
            if self.is_number(left) and self.is_number(right):
                self.count += 1
                self.lines.append(f"{self.name}_{self.count} = {value};")
                left = f"{self.name}_{self.count}"
                continue
            lemma = f"(NODE - (VALUE)) / ({left} + {right})" if sign == "-" else "NODE -/ (VALUE)"
            left = self.node(value, f"{lemma} in +-pair_sum", f"{left} * {right} >= 0")
        return left

    def product(self):
        left = self.factor()
        while self.tokens[0] in "*/":
            sign, right = self.tokens.pop(0), self.factor()
            lemma = "pair_product" if sign == "*" else "pair_quotient"
            left = self.node(f"{left} {sign} {right}", f"NODE -/ (VALUE) in +-{lemma}")
        return left

    def factor(self):
        token = self.tokens.pop(0)
        if token == "-":
            return f"(-{self.factor()})"
        if token == "(":
            value = self.sum()
            self.tokens.pop(0)
            return value
        if token == "over_one_plus":
            self.tokens.pop(0)
            numerator = self.sum()
            self.tokens.pop(0)
            t = self.sum()
            self.tokens.pop(0)
            return self.node(f"{numerator} / (1 + {t})", "NODE -/ (VALUE) in +-over_one_plus", f"{t} >= 0")
        return token


def with_pairs(text):
    """A script with what its definitions in pairs stand for."""
    pairs = Pairs(text)
    text = re.sub(r"^(\w+) pair= (.*);$", lambda m: pairs.expand(m[1], m[2]), text, flags=re.MULTILINE)
    if pairs.given:
        given, goals = ("".join(f"{part} /\\ " for part in parts) for parts in (pairs.given, pairs.goals))
        text = text.replace("\n{ ", f"\n{{ {given}", 1).replace("\n  -> ", f"\n  -> {goals}", 1)
    return text


def filled(table, text):
    """With +-name, an interval, and <name>, a number, replaced by the bounds."""
    text = re.sub(r"\+-(\w+)", lambda m: "[-{0},{0}]".format(dyadic(bound(table, m[1]))), text)
    if left := re.search(r"^[^#\n]*(%\w+)", text, re.MULTILINE):
        raise Fault(f"{left[1]} has no value")
    return text


def names(text):
    """What a script assumes and what it proves."""
    text = re.sub(r"#.*", "", text)
    (proposition,) = re.findall(r"\{([^{}]*->[^{}]*)\}", text)
    assumed, proven = proposition.split("->")
    return set(re.findall(r"\+-(\w+)", assumed)), set(re.findall(r"\+-(\w+)", proven))


def divisors(expression):
    """What an expression divides by, without the spaces."""
    expression = expression.replace(" ", "")
    for slash in re.finditer("/", expression):
        rest = expression[slash.end() :]
        depth, end = 0, 0
        for end, character in enumerate(rest + ")"):
            if depth == 0 and not (character.isalnum() or character in "_(."):
                break
            depth += (character == "(") - (character == ")")
        divisor = rest[:end]
        yield divisor[1:-1] if divisor.startswith("(") else divisor


def check_rules(text):
    """Gappa believes a rewriting rule without asking whether its divisors are 0, but for those that the rule says aren't."""
    _, rules = re.sub(r"#.*", "", text).split("->", 1)[1].split("}", 1)
    for rule in filter(lambda rule: "->" in rule, rules.split(";")):
        body, *condition = rule.split("{")
        given = {part.strip(" }\n").replace(" ", "") for part in "".join(condition).split(",")}
        for divisor in divisors(body):
            if f"{divisor}<>0" not in given and not divisor.isdigit():
                raise Fault(f"a rule divides by {divisor}, and does not ask whether that is 0")


def run(command, text):
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise Fault(f"no answer within {SECONDS} s") from None
    return done.returncode, done.stdout + done.stderr


def gappa(table, script):
    """Proves one script; what it proved, and in how many cases."""
    text = (HERE / script).read_text()
    order = list(table)
    proven, count = set(), 0
    for case, one in cases(text):
        assumes, proves = names(one)
        for name in assumes | proves:
            bound(table, name)
        if late := [a for a in assumes for p in proves if order.index(a) >= order.index(p)]:
            raise Fault(f"{late[0]} is assumed before it is proven")
        check_rules(one)
        text = constants() + filled(table, one)
        status, output = run(["gappa", "-Eprecision=128"], text)
        # A rewriting rule that Gappa can't see to be an identity is no proof.
        if status != 0 or "not trivially equal" in output:
            raise Fault(f"case {case or 'of all'}:\n{output}")
        # Nor is one from what contradicts itself.
        absurd = re.sub(r"->[^{};]*\}.*", "-> 0 in [1, 1] }", text, flags=re.DOTALL)
        status, output = run(["gappa", "-Eprecision=128"], absurd)
        if "no contradiction was found" not in output:
            raise Fault(f"case {case or 'of all'} assumes what can't be:\n{output}")
        proven = proven & proves if count else proves
        count += 1
    return proven, f"{count} case{'s' * (count > 1)}"


def sollya(table, script):
    """Runs one script of lines `prove(name, upper bound of what it is about)`."""
    text = (HERE / script).read_text()
    text = re.sub(r"//.*", "", text)
    text = re.sub(r"<(\w+)>", lambda m: str(bound(table, m[1])), text)
    definitions = re.sub(r"^[#@].*\n", "", constants(), flags=re.MULTILINE)
    definitions = re.sub(r"= (.*);", lambda m: f"= {exact(m[1])};", definitions)
    status, output = run(["sollya", "/dev/stdin"], "prec = 300!; roundingwarnings = off!;\n" + definitions + text)
    found = dict(re.findall(r"^proven (\w+) (\S+)$", output, re.MULTILINE))
    wanted = set(re.findall(r'^prove\("(\w+)"', text, re.MULTILINE))
    if status != 0 or set(found) != wanted:
        raise Fault(f"exit status {status}: {output}")
    for name, value in found.items():
        if not Fraction(int(value), 2**280) <= bound(table, name):
            raise Fault(f"{name} is {float(Fraction(int(value), 2**280) / U)} u")
    return wanted, "Sollya"


def exact(text):
    value = Fraction(float.fromhex(text))
    return f"{value.numerator}/{value.denominator}"


def by_hand(table, lemma):
    """A bound that follows from others by a formula, which is evaluated in rational numbers."""
    earlier = list(table)[: list(table).index(lemma.name)]
    known = {name: table[name].bound for name in earlier} | {"u": U}
    formula = re.sub(r"\b(\d+)\b", r"Fraction(\1)", lemma.how[2:])
    formula = re.sub(r"\*\* Fraction\((\d+)\)", r"** \1", formula)
    try:
        value = eval(formula, {"__builtins__": {}, "Fraction": Fraction, "max": max}, known)
    except NameError as error:
        raise Fault(f"{error}, or not yet") from None
    if not value <= lemma.bound:
        raise Fault(f"{lemma.how[2:]} is {float(value / U)} u")


def main(arguments):
    table = lemmas()
    if arguments == ["--constants"]:
        (HERE / "constants.g").write_text(constants())
        return 0
    if arguments[:1] == ["--show"]:
        for _, one in cases((HERE / arguments[1]).read_text()):
            print(constants() + filled(table, one))
        return 0
    if missing := [tool for tool in ("gappa", "sollya") if not shutil.which(tool)]:
        print(f"The proofs were not checked: {' and '.join(missing)} can't be had here (Debian packages of that name)")
        return 2
    if (HERE / "constants.g").read_text() != constants():
        print("constants.g is not what core/src has: check.py --constants, and look whether all is proven")
        return 1

    scripts = sorted({script for lemma in table.values() for script in lemma.scripts})
    forgotten = {path.name for pattern in ("*.g", "*.sollya") for path in HERE.glob(pattern)}
    forgotten -= {*scripts, "constants.g"}
    if forgotten:
        print(f"not in bounds.txt: {', '.join(sorted(forgotten))}")
        return 1
    if arguments:
        if unknown := set(arguments) - set(scripts):
            print(f"no script of bounds.txt: {', '.join(sorted(unknown))}")
            return 1
        scripts = arguments

    def prove(script):
        begin = time.monotonic()
        try:
            proven, how = (sollya if script.endswith(".sollya") else gappa)(table, script)
            fault = None
        except Fault as error:
            proven, how, fault = set(), "", str(error)
        return script, proven, how, fault, time.monotonic() - begin

    with ThreadPoolExecutor(cpu_count()) as pool:
        results = {result[0]: result for result in pool.map(prove, scripts)}

    failed = 0
    for lemma in table.values():
        faults, how, seconds = [], [], 0.0
        if lemma.by_hand:
            try:
                by_hand(table, lemma)
            except Fault as error:
                faults.append(str(error))
            how.append(lemma.how)
        for script in filter(results.get, lemma.scripts):
            _, proven, what, fault, took = results[script]
            if fault or lemma.name not in proven:
                faults.append(f"{script}: {'see below' if fault else 'proves other things'}")
            how.append(f"{script}, {what}")
            seconds += took
        if not how:
            continue
        verdict = "FAILED" if faults else "ok"
        print(f"{lemma.name:32} {float(lemma.bound / U):12.6g} u  {seconds:5.1f} s  {verdict:6}  {'; '.join(how)}")
        for fault in faults:
            print(f"    {fault}")
        failed += bool(faults)
    for script, _, _, fault, _ in results.values():
        if fault:
            print(f"\n{script}: {fault}")
            failed += 1
    print(f"{failed} failures" if failed else "all proven")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
