// What is refused as a formula, with which words and where, and the limits of size and depth.

#include "../host/formula/compile.hpp"
#include "formula_trees.hpp"

#include <algorithm>
#include <limits>
#include <random>

namespace nabla::formula {
namespace {

using namespace test;

// --------------------------------------------------------------------------------------------------------- errors

TEST(FormulaErrors, NameUnbalancedBrackets) {
  EXPECT_EQ(message("2*(x + (y - 1)"),
            "line 1, column 3: this '(' is not closed: expected an operator or ')', found the end of the formula\n"
            "2*(x + (y - 1)\n"
            "  ^");
  EXPECT_EQ(refusal("("),
            "line 1, column 1: this '(' is not closed: expected an operator or ')', found the end of the formula");
  EXPECT_EQ(refusal("sin(x; y"),
            "line 1, column 4: this '(' is not closed: expected an operator, ',' or ')', found ';'");
  EXPECT_EQ(refusal("sum(i, 1, 2, x"),
            "line 1, column 4: this '(' is not closed: expected an operator or ')', found the end of the formula");
  EXPECT_EQ(refusal("sum(i, 1; 2"), "line 1, column 4: this '(' is not closed: expected an operator or ',', found ';'");
  EXPECT_EQ(refusal("x[1)"), "line 1, column 2: this '[' is not closed: expected an operator or ']', found ')'");
  EXPECT_EQ(refusal("(x]"), "line 1, column 1: this '(' is not closed: expected an operator or ')', found ']'");
  EXPECT_EQ(refusal("let r = (x in r"),
            "line 1, column 9: this '(' is not closed: expected an operator or ')', found 'in'");
  EXPECT_EQ(message("(x))*y"),
            "line 1, column 4: found ')' without '(' before it; expected an operator, ';' or the end\n"
            "(x))*y\n"
            "   ^");
  EXPECT_EQ(refusal("x]"), "line 1, column 2: found ']' without '[' before it; expected an operator, ';' or the end");
  EXPECT_EQ(message("x*()"), "line 1, column 3: nothing in brackets; expected a number, a name or '('\nx*()\n  ^^");
}

TEST(FormulaErrors, NameMissingOperands) {
  EXPECT_EQ(refusal("x +"),
            "line 1, column 4: expected a number, a name or '(' after '+', found the end of the formula");
  EXPECT_EQ(refusal("x + * y"), "line 1, column 5: expected a number, a name or '(' after '+', found '*'");
  EXPECT_EQ(refusal("*x"), "line 1, column 1: expected a number, a name or '(', found '*'");
  EXPECT_EQ(refusal("max(x,)"), "line 1, column 7: expected a number, a name or '(' after ',', found ')'");
  EXPECT_EQ(refusal("max(,x)"), "line 1, column 5: expected a number, a name or '(' after '(', found ','");
  EXPECT_EQ(refusal("x,y"),
            "line 1, column 2: found ',' outside the parentheses of a function; expected an operator, ';' or the end");
  EXPECT_EQ(refusal("(x,y)"),
            "line 1, column 3: expected an operator or ')', found ','; only functions have several arguments");
}

TEST(FormulaErrors, SuggestOtherSpellings) {
  EXPECT_EQ(
      message("where(x = 1, x, y)"),
      "line 1, column 9: expected an operator, ',' or ')', found '='; '=' follows the name after let, and to compare "
      "write '=='\n"
      "where(x = 1, x, y)\n"
      "        ^");
  const std::string expected = "line 1, column 3: expected an operator, ';' or the end, found ";
  EXPECT_EQ(refusal("x =< y"), expected + "'='; write '<='");
  EXPECT_EQ(refusal("x => y"), expected + "'='; write '>='");
  EXPECT_EQ(refusal("x × y"), expected + "'×' (U+00D7); write '*'");
  EXPECT_EQ(refusal("x − y"), expected + "'−' (U+2212); write '-'");
  EXPECT_EQ(refusal("x ≤ y"), expected + "'≤' (U+2264); write '<='");
  EXPECT_EQ(refusal("x ² + y"), expected + "'²' (U+00B2); write '^2'");
  EXPECT_EQ(refusal("{x}"), "line 1, column 1: expected a number, a name or '(', found '{'; write '('");
}

TEST(FormulaErrors, CountLinesAndCodePoints) {
  EXPECT_EQ(message("θ +\n  ψ*φφ φφφ\n + 1"),
            "line 2, column 8: expected an operator, ';' or the end, found 'φφφ'; for a product write 'φφ*φφφ'\n"
            "  ψ*φφ φφφ\n"
            "       ^^^");
  EXPECT_EQ(message("αβγ + sinus(αβγ)"),
            "line 1, column 7: unknown function 'sinus'; did you mean sin?\n"
            "αβγ + sinus(αβγ)\n"
            "      ^^^^^");
  EXPECT_EQ(message("x\r\n+ 2y\r\n+ 1"),
            "line 2, column 3: expected an operator, ';' or the end, found 'y'; for a product write '2*y'\n"
            "+ 2y\n"
            "  ^^");
  EXPECT_EQ(message("\xef\xbb\xbf"
                    "2x"),
            "line 1, column 1: expected an operator, ';' or the end, found 'x'; for a product write '2*x'\n2x\n^^");
}

TEST(FormulaErrors, KeepTabsAboveTheCarets) {
  EXPECT_EQ(message("\tx\t+ 2\ty"),
            "line 1, column 8: expected an operator, ';' or the end, found 'y'; for a product write '2*y'\n"
            "\tx\t+ 2\ty\n"
            "\t \t   \t^");
}

TEST(FormulaErrors, UnderlineOneLineOfManyAtMost) {
  EXPECT_EQ(message("x + sin(x,\n        y)"),
            "line 1, column 5: sin takes 1 argument; found 2\nx + sin(x,\n    ^^^^^^");
  EXPECT_EQ(message("x +\n\n"),
            "line 1, column 4: expected a number, a name or '(' after '+', found the end of the formula\nx +\n   ^");
}

TEST(FormulaErrors, ShowPartOfALongLine) {
  const std::string expected = "expected an operator, ';' or the end, found 'y'; for a product write 'ö*y'\n";
  const std::string left = repeated("ö+", 500);
  const std::string right = repeated("+ü", 500);
  EXPECT_EQ(message(left + "ö y" + right), "line 1, column 1003: " + expected + "…" + repeated("+ö", 24) + " y" +
                                               repeated("+ü", 25) + "…\n" + std::string(50, ' ') + "^");
  EXPECT_EQ(message("ö y" + right), "line 1, column 3: " + expected + "ö y" + repeated("+ü", 48) + "+…\n" + "  ^");
  EXPECT_EQ(message(left + "ö y"),
            "line 1, column 1003: " + expected + "…+" + repeated("ö+", 48) + "ö y\n" + std::string(100, ' ') + "^");
  const std::string name(300, 'q');
  EXPECT_EQ(message(left + name + "(x)"), "line 1, column 1001: unknown function '" + std::string(40, 'q') +
                                              "…'; did you mean sqrt?\n…" + std::string(100, 'q') + "…\n " +
                                              std::string(100, '^'));
  EXPECT_EQ(message(std::string(98, 'x') + " y"),
            "line 1, column 100: expected an operator, ';' or the end, found 'y'; for a product write '" +
                std::string(40, 'x') + "…*y'\n" + std::string(98, 'x') + " y\n" + std::string(99, ' ') + "^");
}

TEST(FormulaErrors, NameBytesThatAreNoText) {
  using std::string_literals::operator""s;
  EXPECT_EQ(message("θ + \0x"s), "line 1, column 5: found a NUL byte; expected text\nθ + \ufffdx\n    ^");
  EXPECT_EQ(message("x # \0"s, {}, {}, true), "line 1, column 5: found a NUL byte; expected text\nx # \ufffd\n    ^");
  EXPECT_EQ(message("x\n + θ\xff*y"),
            "line 2, column 5: found the byte 0xff, which is not UTF-8 here; expected text in UTF-8\n"
            " + θ\ufffd*y\n"
            "    ^");
  // Lone continuations, sequences cut off, too long ones, surrogates, beyond Unicode.
  for (const std::string bytes :
       {"\x80", "\xce", "\xe2\x82", "\xf0\x9f\x98", "\xc0\xaf", "\xc1\x81", "\xe0\x80\xaf", "\xf0\x80\x80\xaf",
        "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe"}) {
    for (const std::string after : {"", "x", "θ"}) {
      EXPECT_TRUE(refusal("x + " + bytes + after).starts_with("line 1, column 5: found the byte 0x")) << bytes + after;
    }
  }
  EXPECT_EQ(refusal("\ufffd + x"), "line 1, column 1: expected a number, a name or '(', found '\ufffd' (U+FFFD)");
  EXPECT_EQ(message("\U0010ffff + x"),
            "line 1, column 1: expected a number, a name or '(', found '\U0010ffff' (U+10FFFF)\n\U0010ffff + x\n^");
}

TEST(FormulaErrors, HaveOneLineAboveTheText) {
  for (const std::string text : {"x\n\n(", "sine\n(x)", "x $\n", "(a\nb)", "a <\nb < c", "1e\n999\n9"}) {
    const std::string all = message(text);
    EXPECT_EQ(std::ranges::count(all, '\n'), 2) << all;
  }
}

// --------------------------------------------------------------------------------------------------------- limits

TEST(FormulaLimits, NestTenThousandTimes) {
  struct Nesting {
    std::string begin, end;
    std::size_t column;  // within the part that is one too many
  };
  const std::vector<Nesting> all{{"(", ")", 1}, {"sin(", ")", 1}, {"max(2,", ")", 1},     {"-", "", 1},
                                 {"+", "", 1},  {"2^", "", 2},    {"let r=1 in ", "", 1}, {"let r=", " in r", 1}};
  for (const Nesting& nesting : all) {
    const auto nested = [&](std::size_t times) {
      return repeated(nesting.begin, times) + "x" + repeated(nesting.end, times);
    };
    EXPECT_EQ(message(nested(10'000)), "accepted") << nesting.begin;
    EXPECT_EQ(refusal(nested(10'001)),
              "line 1, column " + std::to_string(10'000 * nesting.begin.size() + nesting.column) +
                  ": too deep: expected at most 10000 parentheses, calls and operators inside one another");
  }
  EXPECT_EQ(message(repeated("(", 9'999) + "x+1" + repeated(")", 9'999)), "accepted");
  EXPECT_NE(message(repeated("(", 10'000) + "x+1" + repeated(")", 10'000)), "accepted");
  EXPECT_NE(refusal(repeated("(", 300'000)).find("too deep"), std::string::npos);
}

TEST(FormulaLimits, AreAMebibyte) {
  const std::size_t longest = std::size_t{1} << 20;
  const std::string padding = "x" + std::string(longest - 1, ' ');
  EXPECT_EQ(message(padding), "accepted");
  const std::string what = message(padding + " ");
  EXPECT_TRUE(
      what.starts_with("line 1, column 1048577: too long: expected at most 1048576 bytes (1 MiB), found 1048577\n"));
  EXPECT_LT(what.size(), 400u);
  EXPECT_TRUE(refusal(std::string(std::size_t{1} << 26, '\xff')).find("too long") != std::string::npos);
}

/// Texts of 1 MiB. Were time to grow with more than the text, ctest's limit on this program would end it.
TEST(FormulaLimits, AreReachedByTextsOfEveryKind) {
  const auto full = [](std::string_view begin, std::string_view part, std::string_view end) {
    return std::string(begin) + repeated(part, ((std::size_t{1} << 20) - begin.size() - end.size()) / part.size()) +
           std::string(end);
  };
  std::string names = "a0";
  for (int k = 1; names.size() < 1'000'000; ++k) names += "+a" + std::to_string(k);
  EXPECT_EQ(parse(full("", "x+", "x"), {}, {}).nodes.size(), (std::size_t{1} << 20) - 1);
  EXPECT_EQ(message(full("max(x", ",x", ")")), "accepted");
  EXPECT_EQ(message(full("x", ";x", "")), "accepted");
  EXPECT_EQ(message(names), "accepted");
  EXPECT_EQ(message(full("", "x", "")), "accepted");
  EXPECT_EQ(message(full("", "9", ""), {"x"}).substr(0, 27), "line 1, column 1: the numbe");
  EXPECT_EQ(message(full("x+.", "9", "")), "accepted");
  EXPECT_EQ(message(full("(let x=x in ", "x*(let x=1 in x)+", "x)")), "accepted");
  EXPECT_NE(message(full("", "x+", "")), "accepted");
  EXPECT_NE(message(full("", "\n", "x y")), "accepted");
  EXPECT_NE(message(names + "+q(1)"), "accepted");
  EXPECT_NE(message(full("", "[", "")), "accepted");
  EXPECT_NE(message(full("", "#", "\n"), {}, {}, true), "accepted");
}

// -------------------------------------------------------------------------------------------------- indices, terms

/// The first line of the refusal for n variables, or "accepted"; the same for all tasks.
std::string for_variables(std::string_view text, std::int64_t n) {
  const Syntax syntax = parse(text, {}, {});
  std::string found;
  for (const Task task : {Task::value, Task::gradient, Task::hessian_product}) {
    std::string what = "accepted";
    try {
      compile(syntax, task, n);
    } catch (const FormulaError& error) {
      what = error.what();
    }
    what = what.substr(0, what.find('\n'));
    EXPECT_TRUE(found.empty() || found == what) << found << "\n" << what;
    found = what;
  }
  return found;
}

TEST(FormulaIndices, StayWhereWholeNumbersCanBeComputed) {
  const std::string rest = " must stay within 2^61 = 2305843009213693952 of 0, and so must all it is made of";
  EXPECT_EQ(for_variables("sum(i, 1, 100, x[1]*sum(j, 9000000000000000*1000*i, 0, x[1]))", 1),
            "line 1, column 28: a bound" + rest);
  EXPECT_EQ(for_variables("sum(i, 1, 100, x[1]*sum(j, 1000000000000000*1000*i, 0, x[1]))", 1),
            "line 1, column 21: a bound in the iteration with index 3" + rest);
  EXPECT_EQ(for_variables("sum(i, -9000000000000000*1000, 9000000000000000*1000, 1)*x[1]", 1),
            "line 1, column 8: a bound" + rest);
  EXPECT_EQ(for_variables("x[9000000000000000*1000*1000]", 1), "line 1, column 3: an index" + rest);
  EXPECT_EQ(for_variables("x[1e300]", 1), "line 1, column 3: an index" + rest);
  EXPECT_EQ(for_variables("x[-9000000000000000]", 1),
            "line 1, column 1: x[-9000000000000000] is none of the variables 1 to 1");
  EXPECT_EQ(for_variables("sum(i, 1, 100, x[1 + 1000000000000000*1000*(i - 1)])", 1),
            "line 1, column 16: an index in the iteration with index 100" + rest);
  EXPECT_EQ(for_variables("9000000000000000*1000*1000*x[1] + 1e300*x[1]", 1), "accepted");  // numbers like any other
}

TEST(FormulaIndices, CountInIterationsThatHappen) {
  for (const std::int64_t n : {5, 30, 100}) {
    for (const char* const text :
         {"sum(i, 1, n, x[i] + sum(j, i, 0, x[i+5]*j))", "sum(i, 1, n, x[i] + sum(j, i, 0, 2*x[i+5]*j))",
          "sum(i, 1, n, sum(j, i+1, n, sin(x[i+1])*x[j]))", "sum(i, 1, n, x[i]*sum(j, i, 0, sum(k, 1, 3, x[n+k])))",
          "sum(i, 1, n, x[i]) + sum(i, 1, n, sum(j, i, 0, exp(x[1000])*j))",
          "sum(i, 1, n-1, x[i+1]) + sum(i, 1, n, sum(j, i+1, n, x[i+1]^2*x[j]))"}) {
      EXPECT_EQ(for_variables(text, n), "accepted") << text << " " << n;
    }
    const std::string none = " is none of the variables 1 to " + std::to_string(n);
    const std::string last = std::to_string(n), next = std::to_string(n + 1);
    EXPECT_EQ(for_variables("sum(i, 1, n, x[i+1]*sum(j, i, n, x[j]))", n),
              "line 1, column 14: x[" + next + "] in the iteration with index " + last + none);
    EXPECT_EQ(for_variables("sum(i, 1, n, where(x[i] > 9, x[0], 1))", n),
              "line 1, column 30: x[0] in the iteration with index 1" + none);
    EXPECT_EQ(for_variables("sum(i, 1, n, x[i]) + x[1000]", n), "line 1, column 22: x[1000]" + none);
    EXPECT_EQ(for_variables("sum(i, 2000001, 2000000 + n, x[i - 2000000] + x[i - 1999999])", n),
              "line 1, column 47: x[" + next + "] in the iteration with index " + std::to_string(2000000 + n) + none);
  }
}

TEST(FormulaTerms, AreCountedAsTheyAreComputed) {
  EXPECT_EQ(for_variables("sum(i, 1, n, sum(j, 1, i, 1)*x[i])", 12'000), "accepted");
  EXPECT_EQ(for_variables("sum(i, 1, n, sum(j, 1, i, x[j])*x[i])", 16'000), "accepted");  // 128,024,000
  EXPECT_EQ(for_variables("sum(i, 1, n, sum(j, 1, i, x[j])*x[i])", 17'000),
            "line 1, column 1: too many terms: an evaluation may have 134217728 altogether");
  EXPECT_EQ(for_variables("sum(i, 1, n, sum(j, 1, n, x[j])*x[i])", 1'000'000), "accepted");  // the inner one is once
}

}  // namespace
}  // namespace nabla::formula
