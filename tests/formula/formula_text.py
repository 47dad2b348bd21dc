"""Formulas as text: a parser and a writer, from the description of the grammar alone.

A formula is a tree of tuples:
  ('num', spelling)  ('name', s)  ('index', name, tree)  ('neg', a)  ('pos', a)
  (operator, a, b)                 with operator one of + - * / ^ < <= > >= == !=
  ('call', function, arguments)    where(c, a, b) among them
  ('sum' | 'prod', index, lowest, highest, body)
  ('let', name, definition, body)
"""

import re

COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
TOKEN = re.compile(
    r"\s*(?:(?P<num>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[^\W\d]\w*)"
    r"|(?P<op>\*\*|<=|>=|==|!=|[-+*/^<>()\[\],=]))"
)


class Parser:
    """Recursive descent, one method for each level of precedence."""

    def __init__(self, text):
        self.tokens, end = [], 0
        text = text.rstrip()
        while end < len(text):
            match = TOKEN.match(text, end)
            if not match:
                raise SyntaxError(f"cannot read {text[end:]!r}")
            self.tokens.append((match.lastgroup, match.group(match.lastgroup)))
            end = match.end()
        self.at = 0

    def peek(self):
        return self.tokens[self.at][1] if self.at < len(self.tokens) else None

    def take(self, expected=None):
        kind, text = self.tokens[self.at]
        if expected is not None and text != expected:
            raise SyntaxError(f"expected {expected!r}, found {text!r}")
        self.at += 1
        return kind, text

    def whole(self):
        tree = self.comparison()
        if self.peek() is not None:
            raise SyntaxError(f"unexpected {self.peek()!r}")
        return tree

    def comparison(self):
        tree = self.additive()
        if self.peek() in COMPARISONS:
            tree = (self.take()[1], tree, self.additive())
            if self.peek() in COMPARISONS:
                raise SyntaxError("comparisons do not chain")
        return tree

    def additive(self):
        tree = self.multiplicative()
        while self.peek() in ("+", "-"):
            tree = (self.take()[1], tree, self.multiplicative())
        return tree

    def multiplicative(self):
        tree = self.unary()
        while self.peek() in ("*", "/"):
            tree = (self.take()[1], tree, self.unary())
        return tree

    def unary(self):
        if self.peek() in ("-", "+"):
            return ("neg" if self.take()[1] == "-" else "pos", self.unary())
        base = self.primary()
        if self.peek() in ("^", "**"):
            self.take()
            return ("^", base, self.unary())
        return base

    def primary(self):
        kind, text = self.take()
        if kind == "num":
            return ("num", text)
        if text == "(":
            tree = self.comparison()
            self.take(")")
            return tree
        if kind != "name":
            raise SyntaxError(f"unexpected {text!r}")
        if text == "let":
            name = self.take()[1]
            self.take("=")
            definition = self.comparison()
            self.take("in")
            return ("let", name, definition, self.comparison())
        if self.peek() == "[":
            self.take()
            tree = ("index", text, self.comparison())
            self.take("]")
            return tree
        if self.peek() == "(":
            self.take()
            arguments = [self.comparison()]
            while self.peek() == ",":
                self.take()
                arguments.append(self.comparison())
            self.take(")")
            if text in ("sum", "prod"):
                (_, index), lowest, highest, body = arguments
                return (text, index, lowest, highest, body)
            return ("call", text, tuple(arguments))
        return ("name", text)


def parse(text):
    return Parser(text).whole()


def children(tree):
    """The subtrees that are numbers: neither indices nor bounds."""
    kind = tree[0]
    if kind in ("num", "name", "index"):
        return ()
    if kind in ("neg", "pos"):
        return tree[1:]
    if kind == "call":
        return tree[2]
    if kind in ("sum", "prod"):
        return (tree[4],)
    if kind == "let":
        return tree[2:]
    return tree[1:]


def depth(tree):
    return 1 + max((depth(child) for child in children(tree)), default=0)


LEVEL = {"+": 2, "-": 2, "*": 3, "/": 3, "neg": 4, "pos": 4, "^": 5, "let": 0} | dict.fromkeys(COMPARISONS, 1)


class Style:
    """How to spell what has several spellings."""

    def __init__(self, chance=lambda p: False, power="^", spaces="+-"):
        self.chance, self.power, self.spaces = chance, power, spaces

    def infix(self, operator):
        operator = self.power if operator == "^" else operator
        wide = operator in COMPARISONS and self.spaces or operator in self.spaces.split()
        return f" {operator} " if wide else operator


def write(tree, style, least=0, tail=True):
    """The text of a tree where an operand of at least this level of precedence is wanted.

    tail: whether a bracket, a comma or the end follows, so that the body of a `let` ends where it should.
    """
    level = LEVEL.get(tree[0], 6)
    bare_let = tree[0] == "let" and tail and least <= 4
    if (level < least and not bare_let) or (level < 6 and style.chance(0.03)):
        return "(" + write(tree, style) + ")"
    kind = tree[0]
    if kind in ("num", "name"):
        return tree[1]
    if kind == "index":
        return f"{tree[1]}[{write(tree[2], style)}]"
    comma = ", " if style.spaces else ","
    if kind == "call":
        return f"{tree[1]}({comma.join(write(argument, style) for argument in tree[2])})"
    if kind in ("sum", "prod"):
        return f"{kind}({comma.join([tree[1]] + [write(part, style) for part in tree[2:]])})"
    if kind == "let":
        return f"let {tree[1]} = {write(tree[2], style, 1, False)} in {write(tree[3], style, 0, tail)}"
    if kind in ("neg", "pos"):
        return ("-" if kind == "neg" else "+") + write(tree[1], style, 4, tail)
    left = {1: 2, 2: 2, 3: 3, 5: 6}[level]
    right = {1: 2, 2: 3, 3: 4, 5: 4}[level]
    infix = style.infix(kind)
    # No let at the end of an exponent without brackets: legal, but for readers a riddle.
    return write(tree[1], style, left, False) + infix + write(tree[2], style, right, tail and level < 5)
