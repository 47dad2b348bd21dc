#include "table_schedule.hpp"

#include <algorithm>
#include <optional>

namespace nabla::detail {

namespace {

/// Sets of pieces of the variables, a bit each.
class Pieces {
 public:
  explicit Pieces(std::int64_t variables)
      : words_(static_cast<std::size_t>(variables / variables_of_piece / 64 + 1), 0) {}

  void add(std::int64_t variable) {
    const std::int64_t piece = variable / variables_of_piece;
    words_[static_cast<std::size_t>(piece / 64)] |= std::uint64_t{1} << (piece % 64);
  }
  void add(const Pieces& others) {
    for (std::size_t k = 0; k < words_.size(); ++k) words_[k] |= others.words_[k];
  }
  bool meets(const Pieces& others) const {
    for (std::size_t k = 0; k < words_.size(); ++k) {
      if ((words_[k] & others.words_[k]) != 0) return true;
    }
    return false;
  }

 private:
  static constexpr std::int64_t variables_of_piece = 512;
  std::vector<std::uint64_t> words_;
};

/// Chunks get the first colour in which they meet no other. None if hardly any could run at the same time.
std::optional<Colouring> colour(const Table& table, std::int64_t variables, int threads) {
  constexpr std::int64_t least_chunk = 2048, most_chunks = 512, least_at_once = 16;
  Colouring found;
  found.chunk = std::max(least_chunk, (table.count + most_chunks - 1) / most_chunks);
  const std::int64_t chunks = (table.count + found.chunk - 1) / found.chunk;
  std::vector<Pieces> touched(static_cast<std::size_t>(chunks), Pieces(variables));
#pragma omp parallel for num_threads(threads) schedule(static)
  for (std::int64_t k = 0; k < chunks; ++k) {
    Pieces& pieces = touched[static_cast<std::size_t>(k)];
    for (std::int64_t e = k * found.chunk; e < std::min(table.count, (k + 1) * found.chunk); ++e) {
      for (std::int64_t w = 0; w < table.width; ++w) {
        const std::int64_t first = block_of(table, e, w);
        pieces.add(first);
        pieces.add(first + table.block - 1);  // a block has at most 32 variables, so it is in no third piece
      }
    }
  }
  std::vector<Pieces> taken;
  const std::int64_t most_colours = std::max<std::int64_t>(1, chunks / least_at_once);
  for (std::int64_t k = 0; k < chunks; ++k) {
    const Pieces& pieces = touched[static_cast<std::size_t>(k)];
    std::size_t c = 0;
    while (c < taken.size() && taken[c].meets(pieces)) ++c;
    if (c == taken.size()) {
      if (static_cast<std::int64_t>(c) == most_colours) return std::nullopt;
      taken.emplace_back(variables);
      found.colours.emplace_back();
    }
    taken[c].add(pieces);
    found.colours[c].push_back(k);
  }
  return found;
}

/// Variables of a range, whole blocks. As many numbers lie in a core's cache.
std::int64_t range_of(const Table& table) { return (std::int64_t{1} << 15) / table.block * table.block; }

/// Calls use(range) once for each range that an element touches.
template <class Use>
void for_each_range(const Table& table, std::int64_t element, Use use) {
  std::int64_t seen[32];
  int count = 0;
  for (std::int64_t w = 0; w < table.width; ++w) {
    const std::int64_t range = block_of(table, element, w) / range_of(table);
    if (std::find(seen, seen + count, range) != seen + count) continue;
    seen[count++] = range;
    use(range);
  }
}

/// As many as cost an eighth of what the elements' own additions do, at most.
std::int64_t copies_of(const Table& table, std::int64_t variables) {
  constexpr std::int64_t most = 64, least_part = 2048;
  return std::min({most, table.count / least_part, table.count * table.slots() / (8 * variables)});
}

Copies make_copies(const Table& table, std::int64_t copies, RangeLists lists) {
  Copies made{{}, 0, std::move(lists)};
  for (std::int64_t k = 0; k < copies; ++k) {
    Copies::Part part{table.count * k / copies, std::numeric_limits<std::int64_t>::max(),
                      table.count * (k + 1) / copies, 0, made.numbers};
    for (std::int64_t e = part.elements; e < part.end_of_elements; ++e) {
      for (std::int64_t w = 0; w < table.width; ++w) {
        const std::int64_t first = block_of(table, e, w);
        part.variables = std::min(part.variables, first);
        part.end_of_variables = std::max(part.end_of_variables, first + table.block);
      }
    }
    made.numbers += part.end_of_variables - part.variables;
    made.parts.push_back(part);
  }
  return made;
}

}  // namespace

RangeLists make_range_lists(const Table& table, std::int64_t variables) {
  const std::int64_t range = range_of(table);
  return {list_elements((variables + range - 1) / range, table.count,
                        [&](std::int64_t e, auto use) { for_each_range(table, e, use); }),
          range};
}

TableSchedule make_schedule(const Table& table, std::int64_t variables, int threads) {
  if (auto colouring = colour(table, variables, threads)) return std::move(*colouring);
  RangeLists lists = make_range_lists(table, variables);
  const std::int64_t copies = copies_of(table, variables);
  if (copies < 2) return lists;
  return make_copies(table, copies, std::move(lists));
}

}  // namespace nabla::detail
