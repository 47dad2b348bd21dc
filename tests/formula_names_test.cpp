// What names mean: variables, parameters, constants, running indices and `let`.

#include "formula_trees.hpp"

#include <numbers>

namespace nabla::formula {
namespace {

using namespace test;

// ------------------------------------------------------------------------------------------- variables and others

TEST(FormulaVariables, ComeInOrderOfFirstAppearance) {
  const Syntax syntax = parse("z*y + x*z", {}, {});
  EXPECT_EQ(syntax.variables, (List{"z", "y", "x"}));
  EXPECT_FALSE(syntax.indexed);
  EXPECT_EQ(trees(syntax), "(+ (* z y) (* x z))");
}

TEST(FormulaVariables, ComeInTheOrderDeclared) {
  const Syntax syntax = parse("z*y", {"x", "y", "z"}, {});
  EXPECT_EQ(syntax.variables, (List{"x", "y", "z"}));
  EXPECT_EQ(trees(syntax), "(* z y)");
  EXPECT_EQ(refusal("x*sinus", {"x", "sines"}), "line 1, column 3: unknown variable 'sinus'; did you mean sines?");
  EXPECT_EQ(message("alpha + beta", {"alpha"}, {"betas"}),
            "line 1, column 9: unknown variable 'beta'; did you mean betas?\n"
            "alpha + beta\n"
            "        ^^^^");
}

TEST(FormulaVariables, MayBeNoneOnlyIfDeclared) {
  EXPECT_EQ(message("2*pi; e"),
            "line 1, column 1: the formula has no variable; expected one, or declared ones, as with --variables x\n"
            "2*pi; e\n"
            "^^^^^^^");
  EXPECT_EQ(trees("2*3", {"x"}), "(* 2 3)");
  EXPECT_NE(refusal("a", {}, {"a"}).find("has no variable"), std::string::npos);
}

TEST(FormulaVariables, HaveLettersDigitsAndUnderscores) {
  EXPECT_EQ(parse("_x1*θ + Ångström^x₁*переменная2", {}, {}).variables,
            (List{"_x1", "θ", "Ångström", "x₁", "переменная2"}));
  EXPECT_EQ(parse("x_ + 変数 + 𝛼 + e\u0301", {}, {}).variables, (List{"x_", "変数", "𝛼", "e\u0301"}));
  EXPECT_EQ(refusal("x$"), "line 1, column 2: expected an operator, ';' or the end, found '$'");
  EXPECT_EQ(refusal("x*€"), "line 1, column 3: expected a number, a name or '(' after '*', found '€' (U+20AC)");
  EXPECT_EQ(refusal("x+\U0001f600"),
            "line 1, column 3: expected a number, a name or '(' after '+', found '\U0001f600' (U+01F600)");
  EXPECT_EQ(refusal("x+\x1b[0m"),
            "line 1, column 3: expected a number, a name or '(' after '+', found '\ufffd' (U+001B)");
}

TEST(FormulaVariables, AreNoFunctions) {
  EXPECT_EQ(refusal("x + sin*2"),
            "line 1, column 5: 'sin' is a function; expected its arguments in parentheses, as in sin(…)");
  for (const std::string name : {"sin", "where", "sum", "prod", "let", "in"}) {
    EXPECT_EQ(refusal("x", {"x", name}),
              "variable '" + name + "' has a meaning of its own in formulas; expected another name");
    EXPECT_EQ(refusal("x", {}, {name}),
              "parameter '" + name + "' has a meaning of its own in formulas; expected another name");
  }
  for (const std::string name : {"", "2x", "x[1]", "x y", "x+", "€", "x\xff", " x"}) {
    const std::string what = refusal("x", {name});
    EXPECT_TRUE(what.ends_with("' is not a name; expected letters, digits and underscores, a digit not first")) << what;
  }
  EXPECT_EQ(refusal("x", {"y", "x", "y"}), "variable 'y' is given twice");
}

TEST(FormulaVariables, MayHaveIndices) {
  const Syntax syntax = parse("x[1]^2 + n*x[n]", {}, {});
  EXPECT_EQ(syntax.variables, List{"x"});
  EXPECT_TRUE(syntax.indexed);
  EXPECT_EQ(trees(syntax), "(+ (^ (x 1) 2) (* #n (x #n)))");
  EXPECT_EQ(trees("x[2*3-1]", {"x"}), "(x (- (* 2 3) 1))");
  EXPECT_EQ(trees("θ [ 1 ]"), "(θ 1)");
  EXPECT_EQ(trees("n/2*x[n/2]"), "(* (/ #n 2) (x (/ #n 2)))");
}

TEST(FormulaVariables, WithIndicesStandAlone) {
  EXPECT_EQ(message("x[1] + y"),
            "line 1, column 8: unknown name 'y': the variables are x[1] … x[n], and no others can stand beside them; "
            "expected one of these, or a declared parameter\n"
            "x[1] + y\n"
            "       ^");
  EXPECT_TRUE(refusal("y + x[1]").starts_with("line 1, column 1: unknown name 'y': the variables are x[1] … x[n]"));
  EXPECT_TRUE(refusal("y + x[1]", {"x"}).starts_with("line 1, column 1: unknown name 'y': the variables are x[1]"));
  EXPECT_EQ(refusal("x[1] + y[1]"),
            "line 1, column 8: 'y' has an index, and so has 'x'; expected a single name with indices");
  EXPECT_EQ(refusal("x[1] + x"), "line 1, column 8: 'x' has indices elsewhere; expected one here too, as in x[1]");
  EXPECT_EQ(refusal("x + x[1]"), "line 1, column 1: 'x' has indices elsewhere; expected one here too, as in x[1]");
  EXPECT_EQ(refusal("y[1]", {"x"}), "line 1, column 1: unknown variable 'y'; did you mean x?");
  EXPECT_EQ(refusal("x[1]", {"x", "y"}),
            "line 1, column 1: 'x' is one of several variables; expected no index, or a single variable x for x[1], "
            "x[2], …");
}

TEST(FormulaVariables, OnlyTheyHaveIndices) {
  const std::string only = "; expected no index, which only the name of the variables may have, as in x[1]";
  EXPECT_EQ(refusal("x + a[1]", {}, {"a"}), "line 1, column 5: 'a' is a parameter" + only);
  EXPECT_EQ(refusal("e[1]"), "line 1, column 1: 'e' is a constant" + only);
  EXPECT_EQ(refusal("x + e[1]"), "line 1, column 5: 'e' is a constant" + only);
  EXPECT_EQ(refusal("let a = 1 in a[1]"), "line 1, column 14: 'a' is defined by let" + only);
  EXPECT_EQ(refusal("sum(i, 1, 2, i[1])"), "line 1, column 14: 'i' is a running index" + only);
  EXPECT_EQ(refusal("sin[1]"),
            "line 1, column 1: 'sin' is a function; expected its arguments in parentheses, as in sin(…)");
  EXPECT_EQ(
      refusal("x[1][2]"),
      "line 1, column 5: expected an operator, ';' or the end, found '['; only the name of the variables may have "
      "an index, as in x[1]");
  EXPECT_EQ(trees("e[1]", {"e"}), "(e 1)");
}

TEST(FormulaVariables, CalledNAreTheNumberOfVariablesOnlyBesideAnIndex) {
  EXPECT_EQ(trees("n^2"), "(^ n 2)");
  EXPECT_EQ(trees("n^2", {"n"}), "(^ n 2)");
  EXPECT_EQ(trees("n*x[1]"), "(* #n (x 1))");
  EXPECT_EQ(trees("n[1] + n[2]"), "(+ (n 1) (n 2))");
  EXPECT_EQ(trees("n*x[1]", {}, {"n"}), "(* $n (x 1))");
  EXPECT_EQ(
      refusal("n*x", {"x"}),
      "line 1, column 1: unknown variable 'n'; did you mean x? n is the number of variables only beside an indexed "
      "name, as in x[1]");
  EXPECT_EQ(refusal("sum(i, 1, n, x^i)"),
            "line 1, column 11: n is the number of variables only beside an indexed name, as in x[1]");
}

TEST(FormulaParameters, AreNotVariables) {
  const Syntax syntax = parse("a*x^b", {}, {"b", "a"});
  EXPECT_EQ(syntax.variables, List{"x"});
  EXPECT_EQ(syntax.parameters, (List{"b", "a"}));
  EXPECT_EQ(trees(syntax), "(* $a (^ x $b))");
}

TEST(FormulaParameters, AreGivenOnceAndUsed) {
  EXPECT_EQ(message("x", {}, {"a"}), "parameter 'a' does not appear in the formula; expected one that does");
  EXPECT_EQ(message("x + (let a = 1 in a)", {}, {"a"}),
            "parameter 'a' does not appear in the formula; expected one that does");
  EXPECT_EQ(message("x*a", {}, {"a", "a"}), "parameter 'a' is given twice");
  EXPECT_EQ(message("x*a", {"x", "a"}, {"a"}), "parameter 'a' is also a variable");
}

TEST(FormulaConstants, AreWhatTheyAreUnlessDeclared) {
  EXPECT_EQ(number("pi"), std::numbers::pi);
  EXPECT_EQ(number("e"), std::numbers::e);
  EXPECT_EQ(parse("e^x + pi", {}, {}).variables, List{"x"});
  EXPECT_EQ(trees("e*pi", {"pi"}, {"e"}), "(* $e pi)");
  EXPECT_EQ(trees("let e = x in e"), "x");
}

// ---------------------------------------------------------------------------------------------------- repetitions

TEST(FormulaRepetition, HasBoundsAndABody) {
  EXPECT_EQ(trees("sum(i, 1, n, 2*i*x[i]^2)"), "(sum0 1 #n (* (* 2 #0) (^ (x #0) 2)))");
  EXPECT_EQ(trees("prod(k, 2, 3, x + k)"), "(prod0 2 3 (+ x #0))");
  EXPECT_EQ(trees("sum(i, 1, n - 1, x[i + 1]*x[2*i - 1])"), "(sum0 1 (- #n 1) (* (x (+ #0 1)) (x (- (* 2 #0) 1))))");
}

TEST(FormulaRepetition, CountsItsLevelFromOutside) {
  EXPECT_EQ(trees("sum(i, 1, n, sum(j, 1, i, x[i]*x[j]) + prod(j, i, n, x[j]))"),
            "(sum0 1 #n (+ (sum1 1 #0 (* (x #0) (x #1))) (prod1 #0 #n (x #1))))");
  EXPECT_EQ(trees("sum(i, 1, n, x[i]) + sum(j, 1, n, x[j])"), "(+ (sum0 1 #n (x #0)) (sum0 1 #n (x #0)))");
}

TEST(FormulaRepetition, HidesNamesInItsBodyOnly) {
  EXPECT_EQ(trees("sum(i, 1, 2, sum(i, i, i + 1, i*x))"), "(sum0 1 2 (sum1 #0 (+ #0 1) (* #1 x)))");
  EXPECT_EQ(trees("sum(x, 1, 2, x) + x"), "(+ (sum0 1 2 #0) x)");
  EXPECT_EQ(trees("sum(n, 1, 2, x[n]) + n"), "(+ (sum0 1 2 (x #0)) #n)");
  EXPECT_EQ(trees("sum(e, 1, 2, e*x)*e", {}, {"e"}), "(* (sum0 1 2 (* #0 x)) $e)");
}

TEST(FormulaRepetition, HasFourArguments) {
  const std::string takes = "sum takes 4 arguments, as in sum(i, 1, n, x[i]); found ";
  EXPECT_EQ(refusal("sum()"), "line 1, column 1: " + takes + "none");
  EXPECT_EQ(refusal("sum(i)"), "line 1, column 1: " + takes + "1");
  EXPECT_EQ(refusal("sum(i, 1)"), "line 1, column 1: " + takes + "2");
  EXPECT_EQ(message("x + sum(i, 1, 3)"), "line 1, column 5: " + takes + "3\nx + sum(i, 1, 3)\n    ^^^^^^^^^^^^");
  EXPECT_EQ(refusal("prod(i, 1, 2, x, y)"),
            "line 1, column 16: expected an operator or ')', found ','; prod takes 4 arguments, as in prod(i, 1, n, "
            "x[i])");
  EXPECT_EQ(refusal("sum(1, 2, 3, x)"),
            "line 1, column 5: expected the name of the running index, as in sum(i, 1, n, x[i]); found '1'");
  EXPECT_EQ(
      refusal("sum(sin, 2, 3, x)"),
      "line 1, column 5: expected the name of the running index, as in sum(i, 1, n, x[i]); found 'sin', which is a "
      "function");
  EXPECT_EQ(refusal("sum(i = 1, 3, x)"),
            "line 1, column 7: expected ',' after the running index, as in sum(i, 1, n, x[i]); found '='");
}

TEST(FormulaRepetition, TakesOnlyIndicesInBoundsAndIndices) {
  const std::string expected = "; expected integers, n and the running indices around an index or a bound";
  EXPECT_EQ(refusal("x[k]"), "line 1, column 3: unknown index 'k'" + expected);
  EXPECT_EQ(refusal("sum(i, 1, i, x[i])"), "line 1, column 11: unknown index 'i'" + expected);
  EXPECT_EQ(refusal("x[1] + x[a]", {}, {"a"}), "line 1, column 10: 'a' is a parameter" + expected);
  EXPECT_EQ(refusal("x + sum(i, 1, x, i)"), "line 1, column 15: 'x' is a variable" + expected);
  EXPECT_EQ(refusal("x[x[1]]"), "line 1, column 3: 'x' is a variable" + expected);
  EXPECT_EQ(trees("let k = 2 in x[k + 1]"), "(x (+ 2 1))");
  EXPECT_EQ(trees("sum(i, 1, n, let k = i + 1 in x[k])"), "(sum0 1 #n (x (+ #0 1)))");
  EXPECT_EQ(refusal("x[1, 2]"), "line 1, column 4: expected an operator or ']', found ','; variables have one index");
  EXPECT_EQ(message("x[]"), "line 1, column 2: nothing in brackets; expected a number, a name or '('\nx[]\n ^^");
}

TEST(FormulaRepetition, IsNestedSixteenTimesAtMost) {
  const auto nested = [](int levels) {
    std::string text;
    for (int k = 0; k < levels; ++k) text += "sum(i" + std::to_string(k) + ", 1, 2, ";
    return text + "x[i0]" + std::string(static_cast<std::size_t>(levels), ')');
  };
  EXPECT_EQ(message(nested(16)), "accepted");
  EXPECT_TRUE(refusal(nested(17)).ends_with("too many repetitions inside one another: expected at most 16"));
  EXPECT_EQ(message(repeated("sum(i, 1, 2, x[i]) + ", 100) + "x[1]"), "accepted");
}

// ----------------------------------------------------------------------------------------------------------- let

TEST(FormulaLet, BodiesReachAsFarRightAsTheyCan) {
  EXPECT_EQ(trees("let r = x^2 + y^2 in r*exp(-r)"), "(* (+ (^ x 2) (^ y 2)) (exp (neg (+ (^ x 2) (^ y 2)))))");
  EXPECT_EQ(trees("1 + let r = x^2 in r + 2"), "(+ 1 (+ (^ x 2) 2))");
  EXPECT_EQ(trees("2*let r = x in r < y"), "(* 2 (< x y))");
  EXPECT_EQ(trees("-let r = x in r^2"), "(neg (^ x 2))");
  EXPECT_EQ(trees("(let r = x in r + 1)*r"), "(* (+ x 1) r)");
  EXPECT_EQ(trees("max(let r = x in r + 1, r)"), "(max (+ x 1) r)");
  EXPECT_EQ(trees("let r = x in r + 1; r"), "(+ x 1) ; r");
  EXPECT_EQ(trees("x[let k = 1 in k + 1]"), "(x (+ 1 1))");
  EXPECT_EQ(trees("sum(i, let k = 1 in k, let k = 2 in k, x)"), "(sum0 1 2 x)");
}

TEST(FormulaLet, MayBeNestedInEitherPart) {
  EXPECT_EQ(trees("let a = let b = x in b + 1 in a*b"), "(* (+ x 1) b)");
  EXPECT_EQ(trees("let a = let b = let c = x in c in b in a"), "x");
  EXPECT_EQ(trees("let a = x in let b = a + 1 in a*b"), "(* x (+ x 1))");
  EXPECT_EQ(trees("let a = 2*let b = x in b + 1 in a"), "(* 2 (+ x 1))");
}

TEST(FormulaLet, HidesOuterNamesInItsBody) {
  EXPECT_EQ(trees("let x = x + 1 in x*x"), "(* (+ x 1) (+ x 1))");
  EXPECT_EQ(trees("let r = x in let r = r + 1 in r*2"), "(* (+ x 1) 2)");
  EXPECT_EQ(trees("(let r = x in (let r = y in r) + r) + r"), "(+ (+ y x) r)");
  EXPECT_EQ(trees("let pi = 3 in pi*x"), "(* 3 x)");
  EXPECT_EQ(trees("(let a = 1 in a)*a*x", {}, {"a"}), "(* (* 1 $a) x)");
  EXPECT_EQ(trees("let n = x[1] in n"), "(x 1)");
  EXPECT_EQ(trees("let x = x[1] in x*x"), "(* (x 1) (x 1))");
  EXPECT_EQ(trees("sum(i, 1, 2, let i = x in i)"), "(sum0 1 2 x)");
}

TEST(FormulaLet, SharesWhatItDefines) {
  std::string text = "let r0 = x in ";
  for (int k = 1; k <= 60; ++k) {
    const std::string last = "r" + std::to_string(k - 1);
    text += "let r" + std::to_string(k) + " = " + last + " + " + last + " in ";
  }
  const Syntax syntax = parse(text + "r60", {}, {});
  ASSERT_EQ(syntax.nodes.size(), 61u);  // the variable and sixty sums
  for (NodeId id = 1; id <= 60; ++id) {
    const SyntaxNode& node = syntax.nodes[static_cast<std::size_t>(id)];
    EXPECT_EQ(node.op, Op::add);
    EXPECT_EQ(syntax.argument(node, 0), id - 1);
    EXPECT_EQ(syntax.argument(node, 1), id - 1);
  }
  EXPECT_EQ(syntax.outputs, std::vector<NodeId>{60});
}

TEST(FormulaLet, HasAllItsParts) {
  const std::string as_in = ", as in let r = x^2 in r + 1/r; found ";
  EXPECT_EQ(refusal("let 2 = x in x"), "line 1, column 5: expected a name after let" + as_in + "'2'");
  EXPECT_EQ(refusal("let sin = x in x"),
            "line 1, column 5: expected a name after let" + as_in + "'sin', which is a function");
  EXPECT_EQ(refusal("let in = x in x"), "line 1, column 5: expected a name after let" + as_in + "'in'");
  EXPECT_EQ(refusal("let"), "line 1, column 4: expected a name after let" + as_in + "the end of the formula");
  EXPECT_EQ(refusal("let r == x in r"), "line 1, column 7: expected '=' after the name" + as_in + "'=='");
  EXPECT_EQ(refusal("let r"), "line 1, column 6: expected '=' after the name" + as_in + "the end of the formula");
  EXPECT_EQ(refusal("let r = in r"), "line 1, column 9: expected a number, a name or '(' after '=', found 'in'");
  EXPECT_EQ(
      message("let r = x"),
      "line 1, column 10: expected an operator or 'in', found the end of the formula after the definition of 'r'\n"
      "let r = x\n"
      "         ^");
  EXPECT_EQ(refusal("(let r = x)"),
            "line 1, column 11: expected an operator or 'in', found ')' after the definition of 'r'");
  EXPECT_EQ(refusal("let r = x, s = 1 in r"),
            "line 1, column 10: expected an operator or 'in', found ',' after the definition of 'r'");
  EXPECT_EQ(refusal("let r = x r*2"),
            "line 1, column 11: expected an operator or 'in', found 'r'; for a product write 'x*r'");
  EXPECT_EQ(refusal("let r = x in"),
            "line 1, column 13: expected a number, a name or '(' after 'in', found the end of the formula");
  EXPECT_EQ(refusal("x in y"),
            "line 1, column 3: found 'in' without 'let' before it; expected an operator, ';' or the end");
  EXPECT_EQ(refusal("(x in y)"), "line 1, column 4: found 'in' without 'let' before it; expected an operator or ')'");
}

}  // namespace
}  // namespace nabla::formula
