// Symmetric operators against loops over entries in long double, in every storage, at sizes around those that they are
// cut into.

#include <nabla/symmetric_operator.hpp>

#include "executors.hpp"
#include "symmetric_cases.hpp"

#include <algorithm>
#include <limits>
#include <string>

namespace {

using namespace symmetric_cases;
using nabla::Array;
using nabla::Executor;
using nabla::Storage;
using nabla::SymmetricOperator;

template <class T>
std::vector<T> numbers_for(std::int64_t n, std::uint64_t seed) {
  std::vector<T> x;
  for (std::int64_t i = 0; i < n; ++i) x.push_back(static_cast<T>(short_number(seed + static_cast<std::uint64_t>(i))));
  return x;
}

template <class T>
void expect_near(const std::vector<T>& found, const std::vector<long double>& expected, double size,
                 const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  const double allowed = 64 * std::numeric_limits<T>::epsilon() * size;
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(found[i]), static_cast<double>(expected[i]), allowed) << what << ", row " << i;
  }
}

/// Products, products on top of others, and the diagonal.
template <class T>
void expect_is(const Executor& where, const SymmetricOperator<T>& a, const Entries& entries, const std::string& what) {
  ASSERT_EQ(a.size(), entries.size) << what;
  const std::vector<T> x = numbers_for<T>(entries.size, 5), before = numbers_for<T>(entries.size, 99'999);
  const std::vector<double> wide(x.begin(), x.end());
  std::vector<long double> product = entries.times(wide);
  const double size = 4 * std::fmax(1, entries.largest());
  const Array<T> in = array_of(where, x);
  Array<T> out = array_of(where, before);
  a.multiply(where, {in.data(), x.size()}, span_of(out));
  expect_near(out.to_host(), product, size, what);
  out.upload(before);
  a.multiply(where, {in.data(), x.size()}, span_of(out), true);
  for (std::size_t i = 0; i < before.size(); ++i) product[i] += static_cast<long double>(before[i]);
  expect_near(out.to_host(), product, size, what + ", added");
  out.upload(before);
  a.diagonal(where, span_of(out));
  expect_near(out.to_host(), entries.diagonal(), size, what + ", diagonal");
}

class Operators : public nabla::test::OnEveryExecutor {
 protected:
  void SetUp() override {
    OnEveryExecutor::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) executor_ = executor();
  }

  template <class T, class Index = std::int32_t>
  SymmetricOperator<T> stored(const Entries& entries, Storage storage = Storage::automatic) {
    kept_.push_back(std::make_shared<InRows<T, Index>>(executor_, entries));
    return nabla::sparse_operator<T>(executor_, std::static_pointer_cast<InRows<T, Index>>(kept_.back())->view(),
                                     storage);
  }
  template <class T>
  void expect_in_all_storages(const Entries& entries, const std::string& what) {
    for (const auto storage : {Storage::automatic, Storage::rows, Storage::patterns, Storage::slices}) {
      expect_is(executor_, stored<T>(entries, storage), entries,
                what + ", storage " + std::to_string(static_cast<int>(storage)));
    }
  }

  Executor executor_ = Executor::cpu(1);

 private:
  std::vector<std::shared_ptr<void>> kept_;
};

template <class T>
void each_size(auto use) {
  for (const std::int64_t n : {1, 2, 3, 15, 31, 33, 511, 513, 4095, 4097, 9000}) use(n);
}

TEST_P(Operators, AreWhatTheirEntriesSay) {
  each_size<double>([&](std::int64_t n) {
    const std::string size = ", n = " + std::to_string(n);
    expect_in_all_storages<double>(grid(n, 1, 1, 1), "a line" + size);
    expect_in_all_storages<float>(grid(n, 1, 1, 1), "a line of floats" + size);
    expect_in_all_storages<double>(banded(n, {0, 1, 7, 600}, true), "bands" + size);
    expect_in_all_storages<float>(banded(n, {0, 2}, false), "bands of floats" + size);
    expect_in_all_storages<double>(scattered(n, 8), "scattered" + size);
  });
}

TEST_P(Operators, AreStoredAsDiagonalsOfEitherWidth) {
  each_size<double>([&](std::int64_t n) {
    for (const bool numbers_are_long : {false, true}) {
      const Entries entries = banded(n, {0, 1, 30, 700}, numbers_are_long);
      const auto a = stored<double, std::int64_t>(entries, Storage::diagonals);
      expect_is(executor_, a, entries, "diagonals, n = " + std::to_string(n));
      if (n < 3) continue;
      EXPECT_NE(a.format().find(numbers_are_long ? "64-bit" : "32-bit"), std::string::npos) << a.format();
    }
    const Entries without_main = banded(n, {3, 5}, true);
    expect_is(executor_, stored<float>(without_main, Storage::diagonals), without_main, "no main diagonal");
  });
}

/// Rows of 0 to 60 entries, whose numbers are one of a few, as floats hold them, or any.
Entries ragged(std::int64_t n, int kind) {
  Entries a{n, {}};
  for (std::int64_t r = 0; r < n; r += 1 + r % 3) {
    const auto length = static_cast<std::int64_t>(mixed(static_cast<std::uint64_t>(r)) % 9);
    for (std::int64_t k = 0; k < (r % 100 == 1 ? 40 : length); ++k) {
      const auto seed = static_cast<std::uint64_t>(r * 64 + k);
      const auto c = static_cast<std::int64_t>(mixed(seed + 5) % static_cast<std::uint64_t>(n));
      if (c % 3 == 2 || a.numbers.count({r, c}) > 0) continue;
      a.add(r, c, kind == 0 ? static_cast<double>(seed % 7) - 3.1 : kind == 1 ? short_number(seed) : long_number(seed));
    }
  }
  return a;
}

TEST_P(Operators, AreStoredAsSlicesOfAnyNumbers) {
  each_size<double>([&](std::int64_t n) {
    for (const int kind : {0, 1, 2}) {
      const std::string what = "ragged " + std::to_string(kind) + ", n = " + std::to_string(n);
      const Entries entries = ragged(n, kind);
      const auto a = stored<double, std::int64_t>(entries, Storage::slices);
      expect_is(executor_, a, entries, what);
      expect_is(executor_, stored<float>(entries, Storage::slices), entries, what + " of floats");
      if (n < 9000) continue;
      const std::string slices = executor_.is_cuda() ? "slices of 32 rows, " : "slices of 8 rows, ";
      const std::string numbers[] = {"7 different numbers", "32-bit numbers", "64-bit numbers"};
      EXPECT_EQ(a.format(), slices + numbers[kind]);
      EXPECT_EQ(a.nonzeros(), static_cast<std::int64_t>(entries.numbers.size()));
      const double of_entry[] = {4, 8, 12}, entry_bytes = of_entry[kind] * static_cast<double>(a.nonzeros());
      EXPECT_GE(a.bytes(), entry_bytes);
      EXPECT_LE(a.bytes(), 1.25 * entry_bytes + 4 * static_cast<double>(n));
    }
  });
}

/// What pads a row must bring nothing into it that is not its own.
TEST_P(Operators, KeepWhatIsNotFiniteWhereItIs) {
  constexpr std::int64_t n = 700;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Entries entries = ragged(n, 2);
  std::pair<std::int64_t, std::int64_t> place{0, 0};
  for (const auto& [at, number] : entries.numbers) {
    if (at.first > 300 && at.first < at.second) {
      place = at;
      break;
    }
  }
  entries.numbers[place] = entries.numbers[{place.second, place.first}] = nan;
  std::vector<double> x = numbers_for<double>(n, 3);
  const std::int64_t bad[] = {0, 400};
  for (const std::int64_t i : bad) x[static_cast<std::size_t>(i)] = nan;
  const Array<double> in = array_of(executor_, x);
  for (const auto storage : {Storage::rows, Storage::slices}) {
    Array<double> out(executor_, n);
    stored<double>(entries, storage).multiply(executor_, {in.data(), x.size()}, span_of(out));
    const std::vector<double> y = out.to_host();
    std::int64_t lost = 0;
    for (std::int64_t r = 0; r < n; ++r) {
      const bool expected = r == place.first || r == place.second || entries.numbers.count({r, bad[0]}) > 0 ||
                            entries.numbers.count({r, bad[1]}) > 0;
      lost += expected;
      EXPECT_EQ(std::isnan(y[static_cast<std::size_t>(r)]), expected) << r;
    }
    EXPECT_GT(lost, 2);
  }
}

/// One row of so many entries, and the diagonal.
Entries hub(std::int64_t n, std::int64_t length) {
  Entries a{n, {}};
  for (std::int64_t r = 0; r < n; ++r) a.add(r, r, 40 + long_number(static_cast<std::uint64_t>(r)));
  for (std::int64_t k = 1; k < length; ++k) a.add(1, (k * 7 + 2) % n, long_number(static_cast<std::uint64_t>(k)));
  return a;
}

TEST_P(Operators, LeaveRowsAloneThatAreTooLongForSlices) {
  const std::string rows = "rows (CSR) of 64-bit numbers";
  EXPECT_EQ(stored<double>(hub(7001, 1000)).format(), rows);
  const Entries longest = hub(7001, 2046);
  expect_is(executor_, stored<double>(longest, Storage::slices), longest, "a long row");
  // Short enough, but a part of them has nearly all entries.
  Entries crowded{8 * 4096 + 1, {}};
  for (std::int64_t r = 0; r < crowded.size; ++r) crowded.add(r, r, 1 + static_cast<double>(r));
  const auto add_among = [&](std::int64_t first_ones, std::int64_t each) {
    for (std::int64_t r = 0; r < first_ones; ++r) {
      for (std::int64_t k = 0; k < each; ++k) {
        crowded.add(r, (r * 31 + k * 61) % first_ones, long_number(static_cast<std::uint64_t>(64 * r + k)));
      }
    }
  };
  add_among(200, 20);
  EXPECT_EQ(stored<double>(crowded).format().substr(0, 6), "slices");
  add_among(2500, 40);
  EXPECT_EQ(stored<double>(crowded).format(), rows);
  expect_is(executor_, stored<double>(crowded, Storage::slices), crowded, "crowded");
}

TEST_P(Operators, ChooseWhatReadsLeast) {
  const auto plane = stored<double>(grid(60, 40, 1, 2));
  EXPECT_EQ(plane.format().substr(0, 18), "9 patterns of rows") << plane.format();
  EXPECT_EQ(plane.nonzeros(), 5 * 2400 - 2 * 60 - 2 * 40);
  const auto bands = stored<double>(banded(5000, {0, 1, 70}, true));
  EXPECT_EQ(bands.format(), "3 diagonals of 64-bit numbers");
  EXPECT_EQ(bands.bytes(), 3 * 8 * 5000);
  const auto narrow = stored<double>(banded(5000, {0, 1, 70}, false));
  EXPECT_EQ(narrow.format(), "3 diagonals of 32-bit numbers");
  const auto rows = stored<double>(scattered(5000, 8));
  EXPECT_EQ(rows.format(), "rows (CSR) of 64-bit numbers");
  EXPECT_EQ(rows.bytes(), static_cast<double>(rows.nonzeros()) * 12 + 5000 * 4);
}

TEST_P(Operators, AreGrids) {
  for (const auto& extents : std::vector<std::vector<std::int64_t>>{
           {1}, {2}, {777}, {1, 1}, {5, 1}, {1, 9}, {70, 90}, {3, 4, 5}, {1, 1, 7}, {40, 13, 11}}) {
    const auto extent = [&](std::size_t d) { return d < extents.size() ? extents[d] : 1; };
    const Entries entries = grid(extent(0), extent(1), extent(2), static_cast<int>(extents.size()));
    expect_is(executor_, nabla::laplacian<double>(executor_, extents), entries, "grid");
    expect_is(executor_, nabla::laplacian<float>(executor_, extents), entries, "grid of floats");
    EXPECT_EQ(nabla::laplacian<double>(executor_, extents).nonzeros(),
              static_cast<std::int64_t>(entries.numbers.size()));
  }
}

TEST_P(Operators, AreStencilsThatReachFar) {
  // Nine points, and two steps along x: on grids that are narrower than that too.
  const std::vector<nabla::StencilEntry> nine{
      {{0, 0, 0}, 20},   {{1, 0, 0}, -4},    {{-1, 0, 0}, -4},   {{0, 1, 0}, -4},   {{0, -1, 0}, -4},  {{1, 1, 0}, -1},
      {{-1, -1, 0}, -1}, {{1, -1, 0}, -0.5}, {{-1, 1, 0}, -0.5}, {{2, 0, 0}, 0.25}, {{-2, 0, 0}, 0.25}};
  for (const auto& [nx, ny] :
       std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 1}, {2, 3}, {3, 2}, {4, 5}, {5, 3}, {6, 2}, {50, 41}}) {
    Entries entries{nx * ny, {}};
    for (std::int64_t j = 0; j < ny; ++j) {
      for (std::int64_t i = 0; i < nx; ++i) {
        for (const auto& [offset, coefficient] : nine) {
          const std::int64_t x = i + offset[0], y = j + offset[1];
          if (x >= 0 && x < nx && y >= 0 && y < ny) entries.numbers[{i + nx * j, x + nx * y}] = coefficient;
        }
      }
    }
    expect_is(executor_, nabla::stencil<double>(executor_, {nx, ny}, nine), entries, "nine points");
  }
}

TEST_P(Operators, AreDiagonals) {
  each_size<double>([&](std::int64_t n) {
    const std::vector<double> numbers = numbers_for<double>(n, 3);
    Entries entries{n, {}};
    for (std::int64_t i = 0; i < n; ++i) entries.numbers[{i, i}] = numbers[static_cast<std::size_t>(i)];
    const Array<double> there = array_of(executor_, numbers);
    expect_is(executor_, nabla::diagonal<double>(executor_, {there.data(), numbers.size()}), entries, "diagonal");
  });
}

TEST_P(Operators, AddUpAndMultiply) {
  const Entries plane = grid(30, 20, 1, 2), bands = banded(600, {0, 3}, true);
  const auto sum = nabla::laplacian<double>(executor_, {30, 20}) + -0.5 * stored<double>(bands);
  Entries entries = plane;
  for (const auto& [place, number] : bands.numbers) entries.numbers[place] += -0.5 * number;
  expect_is(executor_, sum, entries, "sum");
  expect_is(
      executor_, 2.0 * sum,
      [&] {
        Entries twice = entries;
        for (auto& [place, number] : twice.numbers) number *= 2;
        return twice;
      }(),
      "a multiple of a sum");
}

TEST_P(Operators, AreTheCallers) {
  const Entries plane = grid(30, 20, 1, 2);
  const auto inner = nabla::laplacian<double>(executor_, {30, 20});
  nabla::OwnOperator<double> own{
      600, [&](const Executor& where, std::span<const double> x, std::span<double> y) { inner.multiply(where, x, y); }};
  EXPECT_FALSE(nabla::own_operator(executor_, own).has_diagonal());
  own.diagonal = [&](const Executor& where, std::span<double> d) { inner.diagonal(where, d); };
  expect_is(executor_, nabla::own_operator(executor_, own), plane, "the caller's");
}

TEST_P(Operators, AreSquaresOfSparseMatrices) {
  // X of 500 rows and 300 columns; X^T X entry by entry.
  std::vector<std::int32_t> starts{0}, columns;
  std::vector<double> values;
  Entries entries{300, {}};
  for (std::int64_t r = 0; r < 500; ++r) {
    std::vector<std::pair<std::int32_t, double>> row;
    for (std::int64_t k = 0; k < r % 7; ++k) {
      const auto seed = static_cast<std::uint64_t>(r * 8 + k);
      row.emplace_back(static_cast<std::int32_t>((r * 37 + k * 61) % 300), long_number(seed));
    }
    for (const auto& [c, a] : row) {
      columns.push_back(c);
      values.push_back(a);
      for (const auto& [d, b] : row) entries.numbers[{c, d}] += a * b;
    }
    starts.push_back(static_cast<std::int32_t>(columns.size()));
  }
  const Array<std::int32_t> s = array_of(executor_, starts), c = array_of(executor_, columns);
  const Array<double> v = array_of(executor_, values);
  expect_is(executor_, nabla::normal_operator<double>(executor_, 300, nabla::SparseRows(s, c, v)), entries, "X^T X");
}

TEST_P(Operators, TakeEntriesInAnyOrderAndSeveralTimes) {
  // [2 1; 1 3], column 1 of row 0 in two pieces, row 1 backwards.
  const Array<std::int32_t> starts = array_of<std::int32_t>(executor_, {0, 3, 5});
  const Array<std::int32_t> columns = array_of<std::int32_t>(executor_, {1, 0, 1, 1, 0});
  const Array<double> values = array_of<double>(executor_, {0.25, 2, 0.75, 3, 1});
  const Entries entries{2, {{{0, 0}, 2}, {{0, 1}, 1}, {{1, 0}, 1}, {{1, 1}, 3}}};
  for (const auto storage :
       {Storage::automatic, Storage::rows, Storage::diagonals, Storage::patterns, Storage::slices}) {
    expect_is(executor_, nabla::sparse_operator<double>(executor_, nabla::SparseRows(starts, columns, values), storage),
              entries, "in pieces");
  }
}

/// What is thrown.
template <class E>
std::string message(auto call) {
  try {
    call();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST_P(Operators, RefuseWhatCantBe) {
  const auto sparse = [&](std::vector<std::int32_t> s, std::vector<std::int32_t> c, std::vector<double> v,
                          Storage storage = Storage::automatic) {
    const Array<std::int32_t> starts = array_of(executor_, s), columns = array_of(executor_, c);
    const Array<double> values = array_of(executor_, v);
    nabla::sparse_operator<double>(executor_, nabla::SparseRows(starts, columns, values), storage);
  };
  using nabla::ShapeError;
  EXPECT_EQ(message<ShapeError>([&] {
              sparse({0, 1, 2}, {0, 2}, {1, 1});
            }),
            "sparse operator: row 1, entry 0: column 2 of 2");
  EXPECT_EQ(message<ShapeError>([&] {
              sparse({0, 1, 2}, {-1, 1}, {1, 1});
            }),
            "sparse operator: row 0, entry 0: column -1 of 2");
  EXPECT_EQ(message<ShapeError>([&] {
              sparse({0, 2, 1}, {0, 1}, {1, 1});
            }),
            "sparse operator: row 1 has the entries from 2 to 1 of 2");
  EXPECT_EQ(message<ShapeError>([&] {
              sparse({0, 1, 1}, {0, 1}, {1, 1});
            }),
            "sparse operator: the last row ends at 1, but there are 2 entries");
  EXPECT_EQ(message<ShapeError>([&] {
              sparse({0, 2, 4}, {0, 1, 0, 1}, {1, 0.5, 0.25, 1});
            }),
            "sparse operator: it is not symmetric: entry (0, 1) is 0.5, and (1, 0) 0.25");
  EXPECT_EQ(message<ShapeError>([&] {
              sparse({0, 2, 3}, {0, 1, 1}, {1, 0.5, 1});
            }),
            "sparse operator: it is not symmetric: entry (0, 1) is 0.5, and (1, 0) 0");
  EXPECT_EQ(message<ShapeError>([&] {
              sparse({0, 1, 3}, {0, 0, 1}, {1, 0.5, 1});
            }),
            "sparse operator: it is not symmetric: entry (1, 0) is 0.5, and (0, 1) 0");
  EXPECT_EQ(message<ShapeError>([&] { sparse({0}, {}, {}); }),
            "sparse operator: starts must have one number more than there are rows, of which there is one or more; "
            "found 1");
  EXPECT_EQ(message<nabla::Error>([&] { stored<double>(scattered(900, 40), Storage::diagonals); }),
            "sparse operator: it has more than 32 diagonals from the main one on, too many for storage as diagonals");
  EXPECT_EQ(message<nabla::Error>([&] { stored<double>(hub(7001, 3001), Storage::slices); }),
            "sparse operator: it has a row of 3000 entries, too long for slices, of 2047 at most");
  EXPECT_EQ(message<ShapeError>([&] {
              nabla::laplacian<double>(executor_, {3, 0});
            }),
            "stencil: extents must be 1 or more, found 0");
  EXPECT_EQ(message<ShapeError>([&] { nabla::laplacian<double>(executor_, {}); }),
            "stencil: a grid has 1 to 3 extents, found 0");
  EXPECT_EQ(message<ShapeError>([&] {
              nabla::laplacian<double>(executor_, {1 << 30, 1 << 30, 1 << 30});
            }),
            "stencil: the grid has 2^62 points or more");
  EXPECT_EQ(message<ShapeError>([&] {
              nabla::stencil<double>(executor_, {9}, {{{0, 0, 0}, 2}, {{1, 0, 0}, -1}});
            }),
            "stencil: the entry at (1, 0, 0) is -1.000000, and its opposite 0.000000");
  // 39^3 kinds of rows, and 41^3.
  const auto far = [&](std::int64_t reach) {
    return nabla::stencil<double>(executor_, {50, 50, 50}, {{{reach, reach, reach}, 1}, {{-reach, -reach, -reach}, 1}});
  };
  EXPECT_EQ(far(19).nonzeros(), 2 * 31 * 31 * 31);
  EXPECT_EQ(message<ShapeError>([&] { far(20); }),
            "stencil: it reaches so far that more than 65536 kinds of borders differ");
  const auto a = nabla::laplacian<double>(executor_, {3});
  Array<double> x = array_of<double>(executor_, {1, 2, 3}), y = array_of<double>(executor_, {1, 2});
  EXPECT_EQ(message<ShapeError>([&] { a.multiply(executor_, span_of(x), span_of(y)); }),
            "multiply: y must have 3 numbers, found 2");
  EXPECT_EQ(message<ShapeError>([&] { a.multiply(executor_, span_of(x), span_of(x)); }),
            "multiply: y overlaps x in memory");
  EXPECT_EQ(message<ShapeError>([&] { a + nabla::laplacian<double>(executor_, {4}); }),
            "operator +: sizes are 3 and 4");
}

TEST_P(Operators, GiveTheSameBitsForAnyNumberOfThreads) {
  if (executor_.is_cuda()) return;
  const Entries plane = grid(190, 70, 1, 2);
  const std::vector<double> x = numbers_for<double>(plane.size, 8);
  for (const auto storage : {Storage::patterns, Storage::diagonals, Storage::slices, Storage::rows}) {
    std::vector<std::vector<double>> products;
    for (const int threads : {1, 2, 5}) {
      const Executor where = Executor::cpu(threads);
      const InRows<double, std::int32_t> rows(where, plane);
      std::vector<double> y(x.size());
      nabla::sparse_operator<double>(where, rows.view(), storage).multiply(where, x, y);
      products.push_back(y);
    }
    EXPECT_EQ(products[0], products[1]);
    EXPECT_EQ(products[0], products[2]);
  }
}

INSTANTIATE_TEST_SUITE_P(On, Operators, nabla::test::every_executor(), nabla::test::executor_name);

}  // namespace
