#include "print.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_map>
#include <variant>

namespace nabla::formula {

namespace {

// How tightly an expression holds together; one that holds less than its place asks for is put in parentheses.
enum Binding { in_comparison, in_sum, in_product, in_factor, in_power, atom };

/// Expressions of more nodes than this, counting what recurs each time, name the parts that recur.
constexpr double most_inline_nodes = 2000;

class Printer {
 public:
  Printer(const Graph& graph, const Syntax& names, Notation notation) : g_(graph), names_(names), notation_(notation) {}

  std::string run(NodeId root) {
    const std::vector<NodeId> outside = nodes_at_home(g_, std::array{root}, -1);
    if (latex() || tree_size(root, outside) <= most_inline_nodes) {
      print(root);
      return std::move(text_);
    }
    std::unordered_map<NodeId, int> uses;
    for (const NodeId id : outside) {
      for (const NodeId argument : g_.arguments(id)) ++uses[argument];
    }
    int count = 0;
    for (const NodeId id : outside) {
      if (uses[id] < 2 || g_[id].arguments == 0) continue;
      const std::string name = unused("t" + std::to_string(++count));
      text_ += "let " + name + " = ";
      print(id);
      text_ += " in ";
      named_[id] = name;
    }
    print(root);
    return std::move(text_);
  }

 private:
  bool latex() const { return notation_ == Notation::latex; }

  /// Nodes of the expression written out; repetitions' bodies count once.
  double tree_size(NodeId root, const std::vector<NodeId>& order) const {
    std::unordered_map<NodeId, double> sizes;
    for (const NodeId id : order) {
      double size = 1;
      for (const NodeId argument : g_.arguments(id)) size += sizes.contains(argument) ? sizes.at(argument) : 1;
      sizes[id] = size;
    }
    return sizes.at(root);
  }

  std::string unused(std::string name) const {
    const auto taken = [&](const auto& list) { return std::ranges::find(list, name) != list.end(); };
    while (taken(names_.variables) || taken(names_.parameters)) name += "_";
    return name;
  }

  // What is still to be printed, last first: no recursion, since expressions may be as deep as they like.
  struct Part {
    NodeId id;
    Binding least;
  };
  using Item = std::variant<std::string, Part>;

  void print(NodeId root) {
    std::vector<Item> open{Part{root, in_comparison}};
    while (!open.empty()) {
      const Item item = std::move(open.back());
      open.pop_back();
      if (const auto* const text = std::get_if<std::string>(&item)) {
        text_ += *text;
        continue;
      }
      const auto [id, least] = std::get<Part>(item);
      if (const auto found = named_.find(id); found != named_.end()) {
        text_ += found->second;
        continue;
      }
      std::vector<Item> parts = latex() ? latex_parts(id) : text_parts(id);
      if (binding(id) < least) {
        parts.insert(parts.begin(), latex() ? "\\left(" : "(");
        parts.emplace_back(latex() ? "\\right)" : ")");
      }
      open.insert(open.end(), std::make_move_iterator(parts.rbegin()), std::make_move_iterator(parts.rend()));
    }
  }

  Binding binding(NodeId id) const {
    const Node& node = g_[id];
    switch (node.op) {
      case Op::number:
        if (std::isnan(node.number) || std::isinf(node.number)) return in_product;
        return std::signbit(node.number) ? in_sum : atom;
      case Op::negate:
      case Op::add:
      case Op::subtract:
        return in_sum;
      case Op::multiply:
      case Op::guarded_multiply:
      case Op::divide:
        if (latex() && node.op == Op::divide) return atom;
        return leads_with_minus(g_.argument(id, 0)) ? in_sum : in_product;
      case Op::power:
        return in_power;
      default:
        if (is_comparison(node.op)) return in_comparison;
        return latex() && is_repetition(node.op) ? in_sum : atom;
    }
  }

  /// A negative number in front of a product needs no parentheses of its own.
  bool leads_with_minus(NodeId id) const { return g_.is_number(id) && g_[id].number < 0; }
  Part first_factor(NodeId id) const { return part(id, 0, leads_with_minus(g_.argument(id, 0)) ? in_sum : in_product); }

  std::string number(double x) const {
    if (std::isnan(x)) return "0/0";
    if (std::isinf(x)) return x > 0 ? "1/0" : "-1/0";
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, x).ptr;
    std::string text(digits, end);
    if (const auto e = text.find('e'); latex() && e != std::string::npos) {
      text = text.substr(0, e) + " \\cdot 10^{" + std::to_string(std::stoi(text.substr(e + 1))) + "}";
    }
    return text;
  }

  std::string index_name(int level) const {
    return unused(level < 8 ? std::string(1, static_cast<char>('i' + level)) : "i" + std::to_string(level));
  }

  std::string whole(const Affine& affine) const {
    std::string text;
    for (int level = 0; level < most_levels; ++level) {
      const std::int64_t c = affine.coefficient[static_cast<std::size_t>(level)];
      if (c == 0) continue;
      text += c < 0 ? "-" : text.empty() ? "" : "+";
      if (c != 1 && c != -1) text += std::to_string(c < 0 ? -c : c) + (latex() ? "" : "*");
      text += index_name(level);
    }
    if (text.empty()) return std::to_string(affine.constant);
    if (affine.constant != 0) text += (affine.constant > 0 ? "+" : "") + std::to_string(affine.constant);
    return text;
  }

  std::string component(NodeId id) const {
    Affine place = g_.affine(id);
    std::string name = g_[id].op == Op::direction ? "d" : "";
    if (!names_.indexed) return name + styled(names_.variables[static_cast<std::size_t>(place.constant)]);
    place.constant += 1;
    return name + styled(names_.variables.front()) + (latex() ? "_{" : "[") + whole(place) + (latex() ? "}" : "]");
  }

  std::string styled(const std::string& name) const {
    if (!latex() || name.size() == 1) return name;
    std::string escaped;
    for (const char c : name) escaped += c == '_' ? "\\_" : std::string(1, c);
    return "\\mathrm{" + escaped + "}";
  }

  std::optional<std::string> leaf(NodeId id) const {
    const Node& node = g_[id];
    switch (node.op) {
      case Op::number:
        return number(node.number);
      case Op::parameter:
        return styled(names_.parameters[static_cast<std::size_t>(node.symbol)]);
      case Op::data:
        return styled(names_.data[static_cast<std::size_t>(node.symbol)]);
      case Op::index:
        return index_name(node.symbol);
      case Op::variable:
      case Op::direction:
        return component(id);
      default:
        return {};
    }
  }

  Part part(NodeId id, int k, Binding least) const { return {g_.argument(id, k), least}; }

  std::vector<Item> text_parts(NodeId id) const {
    if (auto text = leaf(id)) return {*text};
    const Node& node = g_[id];
    const std::string name(text_of(node.op));
    switch (node.op) {
      case Op::negate:
        return {"-", part(id, 0, in_product)};
      case Op::add:
        return {part(id, 0, in_sum), " + ", part(id, 1, in_sum)};
      case Op::subtract:
        return {part(id, 0, in_sum), " - ", part(id, 1, in_product)};
      case Op::multiply:
      case Op::guarded_multiply: {
        const Op right = g_[g_.argument(id, 1)].op;
        const bool chain = right == Op::multiply || right == Op::guarded_multiply;
        return {first_factor(id), "*", part(id, 1, chain ? in_product : in_factor)};
      }
      case Op::divide:
        return {first_factor(id), "/", part(id, 1, in_factor)};
      case Op::power:
        return {part(id, 0, atom), "^", part(id, 1, in_power)};
      case Op::sum:
      case Op::product: {
        const Range& range = g_.range(id);
        return {name + "(" + index_name(range.level) + ", " + whole(range.lower) + ", " + whole(range.upper) + ", ",
                part(id, 0, in_comparison), ")"};
      }
      default:
        break;
    }
    if (is_comparison(node.op)) return {part(id, 0, in_sum), " " + name + " ", part(id, 1, in_sum)};
    std::vector<Item> parts{name + "("};
    for (int k = 0; k < node.arguments; ++k) {
      if (k > 0) parts.emplace_back(", ");
      parts.emplace_back(part(id, k, in_comparison));
    }
    parts.emplace_back(")");
    return parts;
  }

  std::vector<Item> latex_parts(NodeId id) const {
    if (auto text = leaf(id)) return {*text};
    const Node& node = g_[id];
    switch (node.op) {
      case Op::multiply:
      case Op::guarded_multiply: {
        const NodeId right = g_.argument(id, 1);
        const bool digits = g_.is_number(right);
        return {first_factor(id), digits ? " \\cdot " : " ", part(id, 1, in_product)};
      }
      case Op::divide:
        return {"\\frac{", part(id, 0, in_comparison), "}{", part(id, 1, in_comparison), "}"};
      case Op::power:
        return {part(id, 0, atom), "^{", part(id, 1, in_comparison), "}"};
      case Op::sqrt:
        return {"\\sqrt{", part(id, 0, in_comparison), "}"};
      case Op::cbrt:
        return {"\\sqrt[3]{", part(id, 0, in_comparison), "}"};
      case Op::abs:
        return {"\\left|", part(id, 0, in_comparison), "\\right|"};
      case Op::exp:
        return {"e^{", part(id, 0, in_comparison), "}"};
      case Op::where:
        return {"\\begin{cases}",
                part(id, 1, in_comparison),
                " & \\text{if } ",
                part(id, 0, in_comparison),
                " \\\\ ",
                part(id, 2, in_comparison),
                " & \\text{otherwise}\\end{cases}"};
      case Op::sum:
      case Op::product: {
        const Range& range = g_.range(id);
        return {std::string(node.op == Op::sum ? "\\sum" : "\\prod") + "_{" + index_name(range.level) + "=" +
                    whole(range.lower) + "}^{" + whole(range.upper) + "} ",
                part(id, 0, in_product)};
      }
      case Op::negate:
      case Op::add:
      case Op::subtract:
        return text_parts(id);
      default:
        break;
    }
    if (is_comparison(node.op)) {
      const char* const signs[] = {" < ", " \\le ", " > ", " \\ge ", " = ", " \\ne "};
      return {part(id, 0, in_sum), signs[static_cast<int>(node.op) - static_cast<int>(Op::less)], part(id, 1, in_sum)};
    }
    std::vector<Item> parts{"\\operatorname{" + std::string(text_of(node.op)) + "}\\left("};
    for (int k = 0; k < node.arguments; ++k) {
      if (k > 0) parts.emplace_back(", ");
      parts.emplace_back(part(id, k, in_comparison));
    }
    parts.emplace_back("\\right)");
    return parts;
  }

  const Graph& g_;
  const Syntax& names_;
  Notation notation_;
  std::string text_;
  std::unordered_map<NodeId, std::string> named_;
};

}  // namespace

std::string print(const Graph& graph, NodeId root, const Syntax& names, Notation notation) {
  return Printer(graph, names, notation).run(root);
}

}  // namespace nabla::formula
