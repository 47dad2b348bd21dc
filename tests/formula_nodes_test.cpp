// What later passes rely on, whatever the text: sound nodes or a readable refusal; and random trees written out and
// read back.

#include "../host/formula/compile.hpp"
#include "formula_trees.hpp"

#include <pthread.h>

#include <functional>
#include <random>

namespace nabla::formula {
namespace {

using namespace test;

// ----------------------------------------------------------------------------------------------------------- nodes

TEST(FormulaNodes, KnowTheirPartOfTheText) {
  const Syntax syntax = parse("(x + θ)*-sin(y)^2 + let r = x in r", {}, {});
  List parts;
  for (NodeId id = 0; id < std::ssize(syntax.nodes); ++id) parts.push_back(part_of(syntax, id));
  EXPECT_EQ(parts, (List{"x", "θ", "x + θ", "y", "sin(y)", "2", "sin(y)^2", "-sin(y)^2", "(x + θ)*-sin(y)^2", "x",
                         "(x + θ)*-sin(y)^2 + let r = x in r"}));
  const Syntax indexed = parse("sum(i, 1, n, (+x[i]))*2", {}, {});
  EXPECT_EQ(part_of(indexed, indexed.outputs[0]), "sum(i, 1, n, (+x[i]))*2");
  EXPECT_EQ(part_of(indexed, indexed.argument(indexed.nodes.back(), 0)), "sum(i, 1, n, (+x[i]))");
}

/// Whether later passes can rely on a node.
bool is_sound(const Syntax& syntax, NodeId id) {
  const SyntaxNode& node = syntax.nodes[static_cast<std::size_t>(id)];
  const bool has_level = node.symbol >= 0 && node.symbol < most_levels;
  if (node.begin < 0 || node.begin >= node.end || node.end > std::ssize(syntax.text)) return false;
  if (node.first_argument < 0 || node.first_argument + node.arguments > std::ssize(syntax.arguments)) return false;
  for (int k = 0; k < node.arguments; ++k) {
    if (syntax.argument(node, k) < 0 || syntax.argument(node, k) >= id) return false;
  }
  if (node.op == Op::variable && syntax.indexed) return node.symbol == -1 && node.arguments == 1;
  if (node.op == Op::variable) return node.symbol >= 0 && node.symbol < std::ssize(syntax.variables);
  if (node.op == Op::index) return has_level || (node.symbol == -1 && syntax.indexed);
  if (is_repetition(node.op)) return has_level && node.arguments == 3;
  return !is_unary(node.op) || node.arguments == 1;
}

void expect_sound(const Syntax& syntax) {
  for (NodeId id = 0; id < std::ssize(syntax.nodes); ++id) ASSERT_TRUE(is_sound(syntax, id)) << id;
  ASSERT_FALSE(syntax.outputs.empty());
  for (const NodeId output : syntax.outputs) ASSERT_TRUE(output >= 0 && output < std::ssize(syntax.nodes));
  ASSERT_FALSE(syntax.variables.empty());
}

/// Of a message about a text: place, one line of the text, carets.
void expect_readable(const std::string& all) {
  const std::size_t first = all.find('\n');
  const std::size_t second = all.find('\n', first + 1);
  ASSERT_NE(second, std::string::npos) << all;
  ASSERT_EQ(all.find('\n', second + 1), std::string::npos) << all;
  ASSERT_TRUE(all.starts_with("line ")) << all;
  const std::string carets = all.substr(second + 1);
  ASSERT_TRUE(carets.ends_with('^')) << all;
  ASSERT_EQ(carets.find_first_not_of(" \t^"), std::string::npos) << all;
  ASSERT_LE(carets.size(), 101u);
}

TEST(FormulaNodes, AreSoundOrRefusedWhateverTheText) {
  const List parts{"x",    "y",    "x[1]", "x[",  "n", "i",    "pi",   "e",      "2",          ".5",      "1e400",
                   "(",    ")",    "[",    "]",   ",", ";",    "+",    "-",      "*",          "/",       "^",
                   "**",   "<",    "==",   "=",   "!", "sin(", "max(", "where(", "sum(i,1,n,", "prod(j,", "let r=",
                   "let ", " in ", "r",    "sum", "#", "\n",   " ",    "θ",      "×",          "\xff",    "q("};
  std::mt19937_64 random(11);
  int accepted = 0;
  for (int k = 0; k < 200'000; ++k) {
    std::string text;
    for (auto length = random() % 14 + 1; length > 0; --length) text += parts[random() % parts.size()];
    const bool declared = random() % 4 == 0;
    try {
      expect_sound(parse(text, declared ? List{"x"} : List{}, {}, random() % 2 == 0));
      ++accepted;
    } catch (const FormulaError& error) {
      expect_readable(error.what());
    }
    if (HasFatalFailure()) FAIL() << text;
  }
  EXPECT_GT(accepted, 3'000);
}

/// Writes a random tree with just the parentheses that the grammar asks for, and as an s-expression.
class RandomTree {
 public:
  explicit RandomTree(std::uint64_t seed) : random_(seed) {}

  /// As text that may stand where operators of that precedence are wanted (5: operands only), and as a tree.
  std::pair<std::string, std::string> make(int depth, int precedence) {
    static constexpr const char* names[] = {"x", "y", "z", "2", "0.5"};
    if (depth == 0) {
      const std::string name = names[random_() % std::size(names)];
      return {name, name};
    }
    struct Operation {
      const char* op;
      int precedence, left, right;
    };
    static constexpr Operation operations[] = {{"<", 0, 1, 1}, {"!=", 0, 1, 1},  {"+", 1, 1, 2},
                                               {"-", 1, 1, 2}, {"*", 2, 2, 3},   {"/", 2, 2, 3},
                                               {"^", 4, 5, 3}, {"neg", 3, 0, 3}, {"exp", 5, 0, 0}};
    const Operation& chosen = operations[random_() % std::size(operations)];
    const std::string op = chosen.op;
    const auto [right, right_tree] = make(depth - 1, chosen.right);
    std::string text = op == "exp" ? "exp(" + right + ")" : "-" + right;
    std::string tree = "(" + op + " " + right_tree + ")";
    if (op != "exp" && op != "neg") {
      const auto [left, left_tree] = make(depth - 1, chosen.left);
      text = left;
      text += blank() + op + blank() + right;
      tree = "(" + op + " " + left_tree + " " + right_tree + ")";
    }
    return {chosen.precedence < precedence ? "(" + text + ")" : text, tree};
  }

 private:
  std::string blank() { return random_() % 2 == 0 ? " " : ""; }

  std::mt19937_64 random_;
};

TEST(FormulaNodes, AreWhatWasWritten) {
  RandomTree trees_of(5);
  for (int k = 0; k < 2'000; ++k) {
    const auto [text, expected] = trees_of.make(k % 6, 0);
    ASSERT_EQ(trees(text, {"x", "y", "z"}), expected) << text;
  }
}

// ---------------------------------------------------------------------------------------------------------- graphs

/// Runs something on a stack of 256 KiB.
void with_little_stack(std::function<void()> what) {
  pthread_attr_t attributes;
  pthread_t thread;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, std::size_t{1} << 18), 0);
  const auto run = [](void* function) -> void* {
    (*static_cast<std::function<void()>*>(function))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, run, &what), 0);
  EXPECT_EQ(pthread_join(thread, nullptr), 0);
  pthread_attr_destroy(&attributes);
}

TEST(FormulaGraphs, NeedNoStackForLongOrDeepFormulas) {
  std::string wheres = "x", other = "y", signs = "x";
  for (int k = 0; k < 4'000; ++k) {
    const std::string condition = "where(x>" + std::to_string(k) + ",";
    wheres = condition + wheres + ",0)";
    other = condition + other + ",0)";
    if (k % 2 == 0) signs = condition + "-(" + signs + "),0)";
  }
  const std::string factors = "x" + repeated("*999", 200'000) + "*y";
  for (const std::string& text : {factors, wheres + " + " + other, "y*(" + wheres + ")", "y*(" + signs + ")",
                                  "(" + wheres + ")*(" + wheres + " + " + other + ")"}) {
    const Syntax syntax = parse(text, {"x", "y"}, {});
    with_little_stack([&] {
      for (const Task task : {Task::value, Task::gradient, Task::hessian_product}) compile(syntax, task, 2);
    });
  }
}

/// Were time to grow with more than the text, ctest's limit on this program would end it.
TEST(FormulaGraphs, TakeTimeForTheirSizeOnly) {
  std::string product = "x[1]";
  for (int i = 2; i <= 20'000; ++i) product += "*x[" + std::to_string(i) + "]";
  EXPECT_GT(compile(parse(product, {}, {}), Task::hessian_product, 20'000).instructions.size(), 20'000u);
  std::string factors;
  for (int k = 0; k < 4'500; ++k) factors += "1000*(";
  factors += "x" + std::string(4'500, ')') + repeated("*y", 100'000);
  EXPECT_GT(compile(parse(factors, {}, {}), Task::gradient, 2).instructions.size(), 100'000u);
}

}  // namespace
}  // namespace nabla::formula
