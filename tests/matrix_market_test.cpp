#include <nabla/matrix_market.hpp>

#include "../host/matrix_market/header.hpp"
#include "../host/matrix_market/reader.hpp"
#include "npy_bytes.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <map>
#include <random>
#include <sstream>

namespace nabla {
namespace {

using matrix_market::Bytes;
using matrix_market::Cut;
using test::Folder;
using test::read_file;

using Places = std::map<std::pair<std::int64_t, std::int64_t>, double>;

const std::string real_general = "%%MatrixMarket matrix coordinate real general\n";
const std::string real_symmetric = "%%MatrixMarket matrix coordinate real symmetric\n";
const std::string array_general = "%%MatrixMarket matrix array real general\n";

template <class T = double, class Index = std::int32_t>
SparseMatrix<T, Index> matrix_of(const std::string& text, const Cut& cut = {}) {
  return matrix_market::read_matrix<T, Index>(Bytes("x.mtx", text), cut);
}

template <class T = double>
std::vector<T> vector_of(const std::string& text, const Cut& cut = {}) {
  return matrix_market::read_vector<T>(Bytes("x.mtx", text), cut);
}

template <class Call>
std::string message_of(const Call& call) {
  try {
    call();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

/// The message with which a matrix is refused, which must not depend on how the file is cut.
std::string refusal(const std::string& text) {
  const std::string message = message_of([&] { matrix_of(text); });
  for (const int threads : {1, 2, 7}) {
    for (const std::int64_t piece_bytes : {1, 3, 16, 100}) {
      EXPECT_EQ(message_of([&] { matrix_of(text, {threads, piece_bytes}); }), message) << threads << " " << piece_bytes;
    }
  }
  return message;
}

std::string vector_refusal(const std::string& text) {
  return message_of([&] { vector_of(text); });
}

/// A single value's number, as `T`.
template <class T = double>
T number(const std::string& text) {
  return matrix_of<T>(real_general + "1 1 1\n1 1 " + text + "\n").values.at(0);
}
std::string refused_number(const std::string& text) { return refusal(real_general + "1 1 1\n1 1 " + text + "\n"); }

template <class T, class Index>
Places places_of(const SparseMatrix<T, Index>& matrix) {
  Places places;
  EXPECT_EQ(matrix.starts.size(), static_cast<std::size_t>(matrix.rows) + 1);
  EXPECT_EQ(matrix.starts.front(), 0);
  EXPECT_EQ(matrix.starts.back(), static_cast<std::int64_t>(matrix.values.size()));
  EXPECT_EQ(matrix.column_indices.size(), matrix.values.size());
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    std::int64_t last = -1;
    for (auto e = static_cast<std::size_t>(matrix.starts[static_cast<std::size_t>(row)]);
         e < static_cast<std::size_t>(matrix.starts[static_cast<std::size_t>(row) + 1]); ++e) {
      EXPECT_LT(last, matrix.column_indices[e]) << "row " << row;
      EXPECT_LT(matrix.column_indices[e], matrix.columns);
      last = matrix.column_indices[e];
      places[{row, last}] = static_cast<double>(matrix.values[e]);
    }
  }
  return places;
}

template <class T>
void expect_same_bits(const SparseMatrix<T>& a, const SparseMatrix<T>& b, const std::string& what) {
  EXPECT_EQ(a.starts, b.starts) << what;
  EXPECT_EQ(a.column_indices, b.column_indices) << what;
  EXPECT_EQ(test::bytes_of(a.values), test::bytes_of(b.values)) << what;
  EXPECT_EQ(a.symmetric, b.symmetric) << what;
  EXPECT_EQ(a.both_triangles, b.both_triangles) << what;
}

TEST(MatrixMarketReader, ReadsEachKind) {
  const auto general = matrix_of(real_general + "2 3 3\n1 1 4.5\n2 3 -1\n1 2 1e2\n");
  EXPECT_EQ(general.rows, 2);
  EXPECT_EQ(general.columns, 3);
  EXPECT_FALSE(general.symmetric);
  EXPECT_EQ(general.starts, (std::vector<std::int64_t>{0, 2, 3}));
  EXPECT_EQ(general.column_indices, (std::vector<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(general.values, (std::vector<double>{4.5, 100, -1}));

  const Places both{{{0, 0}, 4}, {{0, 2}, -1}, {{2, 0}, -1}, {{2, 2}, 5}};
  for (const char* const triangle : {"3 1 -1\n", "1 3 -1\n"}) {
    const auto symmetric = matrix_of(real_symmetric + "3 3 3\n1 1 4\n" + triangle + "3 3 5\n");
    EXPECT_EQ(places_of(symmetric), both) << triangle;
    EXPECT_TRUE(symmetric.symmetric);
    EXPECT_FALSE(symmetric.both_triangles);
  }
  EXPECT_EQ(places_of(matrix_of("%%MatrixMarket matrix coordinate integer general\n1 2 1\n1 2 -7\n")),
            (Places{{{0, 1}, -7}}));
  EXPECT_EQ(places_of(matrix_of("%%MatrixMarket matrix coordinate pattern symmetric\n2 2 2\n1 1\n2 1\n")),
            (Places{{{0, 0}, 1}, {{0, 1}, 1}, {{1, 0}, 1}}));
  EXPECT_EQ(places_of(matrix_of("%%MatrixMarket matrix array integer general\n2 3\n1\n2\n3\n4\n0\n6\n")),
            (Places{{{0, 0}, 1}, {{1, 0}, 2}, {{0, 1}, 3}, {{1, 1}, 4}, {{0, 2}, 0}, {{1, 2}, 6}}));
  EXPECT_EQ(places_of(matrix_of("%%MatrixMarket matrix array real symmetric\n3 3\n1\n2\n3\n4\n5\n6\n")),
            (Places{{{0, 0}, 1},
                    {{1, 0}, 2},
                    {{0, 1}, 2},
                    {{2, 0}, 3},
                    {{0, 2}, 3},
                    {{1, 1}, 4},
                    {{2, 1}, 5},
                    {{1, 2}, 5},
                    {{2, 2}, 6}}));
  EXPECT_TRUE(places_of(matrix_of(real_general + "3 3 0\n")).empty());
}

TEST(MatrixMarketReader, ReadsTheHeader) {
  const std::string text = "\n% before\n" + real_symmetric + "% after\n\n 4 4 2 \n1 1 1\n2 1 1\n";
  const Bytes bytes("x.mtx", text);
  const MatrixMarketHeader header = matrix_market::read_header(bytes);
  EXPECT_TRUE(header.coordinate);
  EXPECT_EQ(header.field, MatrixMarketHeader::Field::real);
  EXPECT_TRUE(header.symmetric);
  EXPECT_EQ(header.rows, 4);
  EXPECT_EQ(header.entries, 2);
  EXPECT_EQ(header.size_line, 6);
  EXPECT_EQ(header.data_offset, bytes.size() - 12);
}

TEST(MatrixMarketReader, ReadsEveryWayToWriteAFile) {
  const Places wanted{{{0, 0}, 1}, {{1, 0}, 2.5}, {{1, 1}, -30}};
  const std::string lines = "2 2 3\n1 1 1\n2 1 2.5\n2 2 -30\n";
  for (const std::string& text : {
           real_general + lines,
           "\xef\xbb\xbf" + real_general + lines,
           std::string("%%matrixmarket MATRIX Coordinate REAL General\n") + lines,
           std::string("%%MatrixMarket\tmatrix  coordinate real\tgeneral \n") + lines,
           real_general + "2 2 3\n1 1 1\n2 1 2.5\n2 2 -30",
           real_general + "%\n%comment\n\n \t\n2 2 3\n% x\n1 1 1\n\n2 1 2.5\n   % 9 9 9\n\n2 2 -30\n\n%\n% end",
           real_general + "  2\t2   3  \n\t1 1 1\n 2  1\t2.5 \t\n2 2 -30\n",
           real_general + "+2 +2 +3\n+1 1 +1\n2 +1 25d-1\n02 002 -3D+1\n",
           real_general + "2 2 3\n1 1 1.\n2 1 .25E1\n2 2 -.3d+02\n",
       }) {
    EXPECT_EQ(places_of(matrix_of(text)), wanted) << text;
  }
  std::string dos;
  for (const char c : real_general + "% x\n\n" + lines) dos += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_EQ(places_of(matrix_of(dos)), wanted);
  EXPECT_EQ(places_of(matrix_of(dos.substr(0, dos.size() - 1))), wanted);
}

TEST(MatrixMarketReader, AddsUpEntriesAtTheSamePlaceInTheirOrder) {
  const double sum = (1.0 + 1e16) + -1e16;  // 0; the other way round 1
  const auto general = matrix_of(real_general + "2 2 5\n2 1 1\n1 1 3\n2 1 1e16\n2 2 7\n2 1 -1e16\n");
  EXPECT_EQ(places_of(general), (Places{{{0, 0}, 3}, {{1, 0}, sum}, {{1, 1}, 7}}));
  const auto symmetric = matrix_of(real_symmetric + "2 2 4\n2 1 1\n1 1 3\n1 2 1e16\n2 1 -1e16\n");
  EXPECT_EQ(places_of(symmetric), (Places{{{0, 0}, 3}, {{0, 1}, sum}, {{1, 0}, sum}}));
  EXPECT_TRUE(symmetric.both_triangles);
  EXPECT_EQ(refusal(real_general + "2 2 2\n2 1 1e308\n2 1 1e308\n"),
            "x.mtx: expected finite numbers, but the entries at row 2, column 1 add up to more than f64 can hold");
  EXPECT_EQ(vector_of(real_general + "3 1 3\n3 1 1\n1 1 2\n3 1 4\n"), (std::vector<double>{2, 0, 5}));
}

TEST(MatrixMarketReader, ReadsVectors) {
  const std::vector<double> wanted{1, 0, -2.5};
  EXPECT_EQ(vector_of(array_general + "3 1\n1\n0\n-2.5\n"), wanted);
  EXPECT_EQ(vector_of(array_general + "1 3\n1\n0\n-2.5\n"), wanted);
  EXPECT_EQ(vector_of(real_general + "3 1 2\n3 1 -2.5\n1 1 1\n"), wanted);
  EXPECT_EQ(vector_of(real_general + "1 3 2\n1 3 -2.5\n1 1 1\n"), wanted);
  EXPECT_EQ(vector_of<float>(array_general + "3 1\n1\n0\n-2.5\n"), (std::vector<float>{1, 0, -2.5}));
  EXPECT_EQ(vector_refusal(array_general + "2 2\n1\n2\n3\n4\n"),
            "x.mtx: line 2: expected a vector, which has one column or one row, found 2 x 2");
  EXPECT_EQ(vector_refusal(array_general + "3 1\n1\n2\n"),
            "x.mtx: line 4: expected 3 entries, as line 2 says, found the end of the file after 2");
  EXPECT_EQ(vector_refusal(real_general + "2 1 2\n1 1 1e308\n1 1 1e308\n"),
            "x.mtx: expected finite numbers, but the entries at row 1, column 1 add up to more than f64 can hold");
}

TEST(MatrixMarketReader, ReadsNumbersExactly) {
  for (const char* const text : {
           "0",
           "-0",
           "0.0",
           "-0e5",
           "0e999999999999",
           "1",
           "9007199254740993",
           "9007199254740992.5",
           "123456789012345678901234567890",
           "0.1",
           "1e22",
           "1e23",
           "1e-22",
           "1e-23",
           "8.5e-5",
           "3.141592653589793",
           "0.30000000000000004",
           "2.2250738585072014e-308",
           "2.2250738585072011e-308",
           "5e-324",
           "4.9e-324",
           "2.4703282292062328e-324",
           "2.4703282292062327e-324",
           "1e-400",
           "-1e-400",
           "1e-99999999999999999999",
           "1.7976931348623157e308",
           "1.7976931348623158e308",
           "179769313486231580793e288",
           "7.450580596923828125e-9",
           "0.000000000000000000000000000000000000000123e39",
           "1000000000000000000000000000000000000e-36",
           "9.9999999999999999999999999999999999999999999e-1",
       }) {
    const double wanted = std::strtod(text, nullptr);
    const double found = number(text);
    EXPECT_EQ(std::memcmp(&found, &wanted, sizeof(double)), 0) << text << " " << found;
    EXPECT_EQ(number("+" + std::string(text[0] == '-' ? text + 1 : text)), std::abs(wanted)) << text;
  }
  const std::string zeros(5000, '0');
  EXPECT_EQ(number("0." + zeros + "1e5001"), 1);
  EXPECT_EQ(number("1" + zeros + "e-5000"), 1);
  EXPECT_EQ(number("1" + zeros + "d-5000"), 1);
  EXPECT_EQ(number("0." + zeros + "1"), 0);
  EXPECT_EQ(number("1." + zeros + "1"), 1);
}

TEST(MatrixMarketReader, RoundsToFloatsOnce) {
  // Doubles that lie just beside the middle of two floats become the middle, and then the wrong one of them.
  for (const char* const text :
       {"5635079765319824e-14", "23.55592441558838", "1230650432407856e-16", "2204626277089119e-16",
        "1.00000005960464477540", "1.00000005960464477539", "1.000000059604644776", "16777217.0000000001", "16777217",
        "1e-45", "0.7e-45", "0.71e-45", "1.1754943157898259e-38", "1.17549435e-38", "3.4028235e38", "0.1", "-0.3"}) {
    EXPECT_EQ(number<float>(text), std::strtof(text, nullptr)) << text;
  }
  const std::string text = real_general + "1 1 1\n1 1 3.5e38\n";
  EXPECT_EQ(message_of([&] { matrix_of<float>(text); }),
            "x.mtx: line 3: expected a finite number, found '3.5e38', which is too large for f32");
}

TEST(MatrixMarketReader, ReadsRandomNumbersExactly) {
  std::mt19937_64 random(1);
  for (int k = 0; k < 20'000; ++k) {
    std::string text;
    const auto digits = [&](std::uint64_t most) {
      for (std::uint64_t count = random() % (most + 1); count > 0; --count)
        text += static_cast<char>('0' + random() % 10);
    };
    digits(20);
    if (random() % 2 == 0) text += '.';
    text += static_cast<char>('0' + random() % 10);
    digits(20);
    if (random() % 2 == 0) text += "e" + std::to_string(static_cast<int>(random() % 640) - 330);
    const double wanted = std::strtod(text.c_str(), nullptr);
    if (std::isinf(wanted)) continue;
    ASSERT_EQ(number(text), wanted) << text;
    const float narrow = std::strtof(text.c_str(), nullptr);
    if (std::isinf(narrow)) continue;
    ASSERT_EQ(number<float>(text), narrow) << text;
  }
}

TEST(MatrixMarketReader, RefusesNumbersThatAreNone) {
  EXPECT_EQ(refused_number("1e400"),
            "x.mtx: line 3: expected a finite number, found '1e400', which is too large for f64");
  EXPECT_EQ(refused_number("-1d99999999999999999999"),
            "x.mtx: line 3: expected a finite number, found '-1d99999999999999999999', which is too large for f64");
  for (const char* const text : {"nan", "NaN", "-nan", "inf", "+Inf", "-infinity", "nan(1)"}) {
    EXPECT_EQ(refused_number(text), std::string("x.mtx: line 3: expected a finite number, found '") + text + "'");
  }
  for (const char* const text : {"abc",  "-",   "+",   ".",   "e5",    ".e5", "1e", "1e+", "1e5.",    "1.2.3",
                                 "0x10", "1,5", "--1", "1-5", "1e5e5", "1f",  "%",  "'1'", "infinit", "1_000"}) {
    EXPECT_EQ(refused_number(text), std::string("x.mtx: line 3: expected a number, found '") + text + "'");
  }
  EXPECT_EQ(refused_number(""), "x.mtx: line 3: expected a number, found the end of the line");
  EXPECT_EQ(refused_number(std::string("1\0", 2)), "x.mtx: line 3: expected a number, found '1\\x00'");
  EXPECT_EQ(refused_number("1\x1b[31m"), "x.mtx: line 3: expected a number, found '1\\x1b[31m'");
  const std::string integers = "%%MatrixMarket matrix coordinate integer general\n1 1 1\n1 1 ";
  EXPECT_EQ(refusal(integers + "1.0\n"), "x.mtx: line 3: expected an integer, found '1.0'");
  EXPECT_EQ(refusal(integers + "1e2\n"), "x.mtx: line 3: expected an integer, found '1e2'");
  EXPECT_EQ(refusal(integers + "x\n"), "x.mtx: line 3: expected an integer, found 'x'");
  EXPECT_EQ(matrix_of(integers + "-99999999999999999999\n").values.at(0), -1e20);
}

TEST(MatrixMarketReader, RefusesLinesThatDoNotFit) {
  const auto refused = [](const std::string& line) { return refusal(real_general + "2 3 2\n% x\n1 1 1\n" + line); };
  EXPECT_EQ(refused("3 1 1\n"), "x.mtx: line 5: expected a row from 1 to 2, found '3'");
  EXPECT_EQ(refused("0 1 1\n"), "x.mtx: line 5: expected a row from 1 to 2, found '0'");
  EXPECT_EQ(refused("-1 1 1\n"), "x.mtx: line 5: expected a row from 1 to 2, found '-1'");
  EXPECT_EQ(refused("1 4 1\n"), "x.mtx: line 5: expected a column from 1 to 3, found '4'");
  EXPECT_EQ(refused("1 18446744073709551617 1\n"),
            "x.mtx: line 5: expected a column from 1 to 3, found '18446744073709551617'");
  EXPECT_EQ(refused("1.0 1 1\n"), "x.mtx: line 5: expected a row from 1 to 2, found '1.0'");
  EXPECT_EQ(refused("1\n"), "x.mtx: line 5: expected a column from 1 to 3, found the end of the line");
  EXPECT_EQ(refused("1"), "x.mtx: line 5: expected a column from 1 to 3, found the end of the line");
  EXPECT_EQ(refused("1 1\n"), "x.mtx: line 5: expected a number, found the end of the line");
  EXPECT_EQ(refused("1 2 3 4\n"), "x.mtx: line 5: expected the end of the line after row, column and value, found '4'");
  EXPECT_EQ(refused("1 2 3 % x\n"),
            "x.mtx: line 5: expected the end of the line after row, column and value, found '%'");
  EXPECT_EQ(refused(std::string("\0\xff\xfe", 3)),
            "x.mtx: line 5: expected a row from 1 to 2, found '\\x00\\xff\\xfe'");
  EXPECT_EQ(refusal("%%MatrixMarket matrix coordinate pattern general\n2 3 1\n1 2 3\n"),
            "x.mtx: line 3: expected the end of the line after row and column, found '3'");
  EXPECT_EQ(refusal(array_general + "2 1\n1 2\n"),
            "x.mtx: line 3: expected the end of the line after the value, found '2'");
}

TEST(MatrixMarketReader, RefusesWrongCounts) {
  EXPECT_EQ(refusal(real_general + "2 2 2\n1 1 1\n\n2 2 2\n% x\n2 1 3\n"),
            "x.mtx: line 7: expected the end of the file after 2 entries, as line 2 says, found '2'");
  EXPECT_EQ(refusal(real_general + "2 2 1\n1 1 1\n% x\n"), "");
  EXPECT_EQ(refusal(real_general + "2 2 1\n1 1 1\nx\n"),
            "x.mtx: line 4: expected the end of the file after 1 entry, as line 2 says, found 'x'");
  EXPECT_EQ(refusal(real_general + "2 2 4\n1 1 1\n\n2 2 2\n"),
            "x.mtx: line 5: expected 4 entries, as line 2 says, found the end of the file after 2");
  EXPECT_EQ(refusal(real_general + "2 2 1\n"),
            "x.mtx: line 2: expected 1 entry, as line 2 says, found the end of the file after 0");
  EXPECT_EQ(refusal(real_general + "2 2 0\n1 1 1\n"),
            "x.mtx: line 3: expected the end of the file after 0 entries, as line 2 says, found '1'");
  EXPECT_EQ(refusal(array_general + "2 2\n1\n2\n3\n4\n5\n"),
            "x.mtx: line 7: expected the end of the file after 4 entries, as line 2 says, found '5'");
  EXPECT_EQ(refusal("%%MatrixMarket matrix array real symmetric\n2 2\n1\n2\n3\n4\n"),
            "x.mtx: line 6: expected the end of the file after 3 entries, as line 2 says, found '4'");
}

TEST(MatrixMarketReader, RefusesWhatIsNotMatrixMarket) {
  const std::string wanted = "expected '%%MatrixMarket matrix' and what kind of matrix, found ";
  EXPECT_EQ(refusal(""), "x.mtx: line 1: " + wanted + "the end of the file");
  EXPECT_EQ(refusal("\n\n"), "x.mtx: line 2: " + wanted + "the end of the file");
  EXPECT_EQ(refusal("% only\n% comments"), "x.mtx: line 2: " + wanted + "the end of the file");
  EXPECT_EQ(refusal("\x93NUMPY\x01"), "x.mtx: line 1: " + wanted + "'\\x93NUMPY\\x01'");
  EXPECT_EQ(refusal("%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 1\n"),
            "x.mtx: line 2: " + wanted + "'1'");
  EXPECT_EQ(refusal(std::string(3'000'000, 'x')), "x.mtx: line 1: " + wanted + "'" + std::string(40, 'x') + "…'");
  EXPECT_EQ(refusal("%%MatrixMarket\n"),
            "x.mtx: line 1: expected 'matrix' after '%%MatrixMarket', found the end of the line");
  EXPECT_EQ(refusal(real_general),
            "x.mtx: line 1: expected a line with rows, columns and entries, found the end of the file");
  EXPECT_EQ(refusal(array_general + "% x\n"),
            "x.mtx: line 2: expected a line with rows and columns, found the end of the file");
  EXPECT_EQ(refusal(real_general + real_general), "x.mtx: line 2: expected the banner once, found it again");
}

TEST(MatrixMarketReader, RefusesOtherKindsByName) {
  const auto refused = [](const std::string& kind) { return refusal("%%MatrixMarket " + kind + "\n1 1 1\n1 1 1\n"); };
  EXPECT_EQ(refused("vector coordinate real general"),
            "x.mtx: line 1: expected 'matrix' after '%%MatrixMarket', found 'vector', which is not supported");
  EXPECT_EQ(refused("matrix elemental real general"),
            "x.mtx: line 1: expected 'coordinate' or 'array', found 'elemental'");
  EXPECT_EQ(refused("matrix coordinate complex general"),
            "x.mtx: line 1: expected entries that are 'real', 'integer' or 'pattern', found 'complex', which is not "
            "supported");
  EXPECT_EQ(refused("matrix coordinate double general"),
            "x.mtx: line 1: expected entries that are 'real', 'integer' or 'pattern', found 'double'");
  EXPECT_EQ(refused("matrix coordinate real Skew-Symmetric"),
            "x.mtx: line 1: expected a matrix that is 'general' or 'symmetric', found 'Skew-Symmetric', which is not "
            "supported");
  EXPECT_EQ(refused("matrix coordinate real hermitian"),
            "x.mtx: line 1: expected a matrix that is 'general' or 'symmetric', found 'hermitian', which is not "
            "supported");
  EXPECT_EQ(refused("matrix coordinate real symmetry"),
            "x.mtx: line 1: expected a matrix that is 'general' or 'symmetric', found 'symmetry'");
  EXPECT_EQ(refused("matrix array pattern general"),
            "x.mtx: line 1: expected entries that are 'real' or 'integer' in an array, found 'pattern'");
  EXPECT_EQ(refused("matrix coordinate real general x"),
            "x.mtx: line 1: expected the end of the line after the banner, found 'x'");
  EXPECT_EQ(refused("matrix coordinate real"),
            "x.mtx: line 1: expected a matrix that is 'general' or 'symmetric', found the end of the line");
}

TEST(MatrixMarketReader, RefusesSizesThatCantBe) {
  const auto refused = [](const std::string& sizes) { return refusal(real_general + sizes + "\n1 1 1\n"); };
  EXPECT_EQ(refused("0 1 0"), "x.mtx: line 2: expected a positive number of rows, found '0'");
  EXPECT_EQ(refused("1 0 0"), "x.mtx: line 2: expected a positive number of columns, found '0'");
  EXPECT_EQ(refused("-1 1 1"), "x.mtx: line 2: expected the number of rows, found '-1'");
  EXPECT_EQ(refused("1 1"), "x.mtx: line 2: expected the number of entries, found the end of the line");
  EXPECT_EQ(refused("1 1 1 1"),
            "x.mtx: line 2: expected the end of the line after rows, columns and entries, found '1'");
  EXPECT_EQ(refused("1 1 1.0"), "x.mtx: line 2: expected the number of entries, found '1.0'");
  EXPECT_EQ(refused("1 1 9999999999999999999"),
            "x.mtx: line 2: expected fewer than 10^18 entries, found '9999999999999999999'");
  EXPECT_EQ(refusal(real_symmetric + "3 4 0\n"),
            "x.mtx: line 2: expected a square matrix, as it is symmetric, found 3 x 4");
  EXPECT_EQ(refusal(array_general + "1 1 1\n1\n"),
            "x.mtx: line 2: expected the end of the line after rows and columns, found '1'");
}

TEST(MatrixMarketReader, BelievesSizesAsFarAsTheLengthAllows) {
  EXPECT_EQ(
      refusal(real_general + "999999999999999999 1 1\n1 1 1\n"),
      "x.mtx: line 2: expected at most 1048576 rows and columns in a file of 75 bytes, found 999999999999999999 x 1");
  EXPECT_EQ(refusal(real_general + "1 1048577 1\n1 1 1\n"),
            "x.mtx: line 2: expected at most 1048576 rows and columns in a file of 64 bytes, found 1 x 1048577");
  EXPECT_EQ(matrix_of(real_general + "1048576 1048576 1\n1048576 1048576 1\n").values.size(), 1u);
  EXPECT_EQ(refusal(real_general + "2 2 999999999999999999\n1 1 1\n"),
            "x.mtx: line 3: expected 999999999999999999 entries, as line 2 says, found the end of the file after 1");
  EXPECT_EQ(refusal(array_general + "1000000 1000000\n1\n"),
            "x.mtx: line 3: expected 1000000000000 entries, as line 2 says, found the end of the file after 1");
  EXPECT_EQ(refusal("%%MatrixMarket matrix array real symmetric\n1000000 1000000\n1\n"),
            "x.mtx: line 3: expected 500000500000 entries, as line 2 says, found the end of the file after 1");
}

TEST(MatrixMarketReader, RefusesVeryLongLines) {
  constexpr std::size_t longest = 1 << 20;
  const auto file = [](std::size_t comment) {
    return real_general + "1 1 1\n1 1 1\n%" + std::string(comment - 1, ' ') + "\n";
  };
  const auto header = [](std::size_t comment) {
    return real_general + "%" + std::string(comment - 1, ' ') + "\n1 1 1\n1 1 1\n";
  };
  for (const std::int64_t piece_bytes : {std::int64_t{1000}, std::int64_t{1} << 30}) {
    const auto refused = [&](const std::string& text) {
      return message_of([&] { matrix_of(text, {2, piece_bytes}); });
    };
    EXPECT_EQ(refused(file(longest)), "");
    EXPECT_EQ(refused(file(longest + 1)), "x.mtx: line 4: is longer than 1048576 bytes");
    EXPECT_EQ(refused(header(longest)), "");
    EXPECT_EQ(refused(header(longest + 1)), "x.mtx: line 2: is longer than 1048576 bytes");
    EXPECT_EQ(refused(real_general + "1 1 2\n" + std::string(longest, ' ') + "1 1 1\n"),
              "x.mtx: line 3: is longer than 1048576 bytes");
    // What is wrong before it comes first.
    EXPECT_EQ(refused(real_general + "1 1 2\nx\n" + std::string(longest, ' ') + "1 1 1\n"),
              "x.mtx: line 3: expected a row from 1 to 1, found 'x'");
  }
  // Comments of any number are fine.
  std::string comments = real_general;
  for (int k = 0; k < 100'000; ++k) comments += "% a comment that says next to nothing\n";
  EXPECT_EQ(matrix_of(comments + "1 1 1\n1 1 5\n").values.at(0), 5);
}

/// Random entries with comments, blank lines and entries at the same place.
std::string random_file(std::mt19937_64& random, std::int64_t size, std::int64_t entries, bool symmetric) {
  std::string text = (symmetric ? real_symmetric : real_general) + std::to_string(size) + " " + std::to_string(size) +
                     " " + std::to_string(entries) + "\n";
  const auto place = [&] { return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(size)) + 1; };
  for (std::int64_t e = 0; e < entries; ++e) {
    if (random() % 10 == 0) text += "% comment\n";
    if (random() % 10 == 0) text += "\n";
    std::int64_t row = place(), column = place();
    if (random() % 4 == 0) row = column = 1;
    if (symmetric && row < column) std::swap(row, column);
    char value[32];
    std::snprintf(value, sizeof value, "%.17g", std::ldexp(static_cast<double>(random()), -64) - 0.5);
    text += std::to_string(row) + " " + std::to_string(column) + " " + value + (random() % 3 == 0 ? "\r\n" : "\n");
  }
  return text;
}

/// The same, read line by line.
Places places_in(const std::string& text, bool symmetric) {
  Places places;
  std::istringstream in(text);
  std::string line;
  int content = 0;
  while (std::getline(in, line)) {
    if (line.empty() || line[0] == '%' || content++ == 0) continue;
    std::istringstream numbers(line);
    std::int64_t row = 0, column = 0;
    double value = 0;
    numbers >> row >> column >> value;
    places[{row - 1, column - 1}] += value;
    if (symmetric && row != column) places[{column - 1, row - 1}] += value;
  }
  return places;
}

TEST(MatrixMarketReader, GivesTheSameBitsHoweverTheFileIsCut) {
  std::mt19937_64 random(7);
  for (const std::int64_t size : {1, 2, 7, 60, 5000}) {
    for (const bool symmetric : {false, true}) {
      const std::string text = random_file(random, size, 400, symmetric);
      const auto whole = matrix_of(text);
      EXPECT_EQ(places_of(whole), places_in(text, symmetric)) << size;
      for (const int threads : {1, 2, 7}) {
        for (const std::int64_t piece_bytes : {1, 2, 5, 17, 64, 1000, 4097}) {
          const std::string what =
              std::to_string(size) + " " + std::to_string(threads) + " " + std::to_string(piece_bytes);
          expect_same_bits(matrix_of(text, {threads, piece_bytes}), whole, what);
        }
      }
      EXPECT_EQ(places_of(matrix_of<double, std::int64_t>(text, {2, 100})), places_of(whole));
    }
  }
}

TEST(MatrixMarketReader, ReadsArraysAndVectorsHoweverTheyAreCut) {
  std::string text = array_general + "40 5\n";
  std::string vector = array_general + "200 1\n";
  std::string coordinates = real_general + "200 1 400\n";
  for (int k = 0; k < 200; ++k) {
    const std::string line = (k % 7 == 0 ? "% x\n" : "") + std::to_string(k * 0.37) + "\n";
    text += line;
    vector += line;
    for (int twice = 0; twice < 2; ++twice)
      coordinates += std::to_string((k * 77) % 200 + 1) + " 1 " + line.substr(k % 7 == 0 ? 4 : 0);
  }
  const auto matrix = matrix_of(text);
  const auto places = places_of(matrix);
  const auto numbers = vector_of(vector), added = vector_of(coordinates);
  for (int k = 0; k < 200; ++k) {
    EXPECT_EQ(numbers[static_cast<std::size_t>(k)], std::stod(std::to_string(k * 0.37)));
    EXPECT_EQ(added[static_cast<std::size_t>((k * 77) % 200)], 2 * numbers[static_cast<std::size_t>(k)]);
    EXPECT_EQ(places.at({k % 40, k / 40}), numbers[static_cast<std::size_t>(k)]);
  }
  for (const int threads : {1, 2, 7}) {
    for (const std::int64_t piece_bytes : {1, 5, 64, 1000}) {
      const Cut cut{threads, piece_bytes};
      expect_same_bits(matrix_of(text, cut), matrix, "array");
      EXPECT_EQ(vector_of(vector, cut), numbers);
      EXPECT_EQ(vector_of(coordinates, cut), added);
    }
  }
}

TEST(MatrixMarketReader, NamesTheFirstMistakeWhicheverThreadFindsIt) {
  std::string good = real_general + "9 9 3000\n";
  for (int k = 0; k < 3000; ++k) good += "1 2 3\n";
  const std::size_t lines_begin = good.size() - 3000 * 6;
  for (const std::size_t wrong : {0u, 1u, 1499u, 2998u, 2999u}) {
    std::string text = good;
    for (std::size_t k = wrong; k < 3000; k += 100) text[lines_begin + 6 * k] = 'x';  // and many after it
    text += "1 1 1\n";
    EXPECT_EQ(refusal(text), "x.mtx: line " + std::to_string(wrong + 3) + ": expected a row from 1 to 9, found 'x'");
  }
}

TEST(MatrixMarketReader, CountsInAsManyBitsAsItTakes) {
  // 2^31 columns need a file as long; Index is narrower than it need be instead.
  const std::string wide = real_general + "2 3000000000 1\n2 3000000000 1\n";
  const Folder folder;
  const std::string path = folder.put("wide.mtx", wide);
  ASSERT_EQ(truncate(path.c_str(), 3'000'000'001), 0) << "a sparse file";
  EXPECT_EQ(message_of([&] { read_matrix_market<double>(path, 1); }),
            path + ": line 2: expected at most 2147483647 columns, which 32 bits can count, found 3000000000");
  EXPECT_EQ(read_matrix_market_header(path).columns, 3'000'000'000);
}

TEST(MatrixMarketReader, RefusesWhatIsNotAFile) {
  const Folder folder;
  const auto refused = [](const std::string& path) { return message_of([&] { read_matrix_market<double>(path); }); };
  const std::string not_regular = ": is not a regular file; expected one, whose length can be checked";
  EXPECT_EQ(refused(folder / "missing.mtx"), folder / "missing.mtx: No such file or directory");
  EXPECT_EQ(refused(folder.path()), folder.path() + not_regular);
  EXPECT_EQ(refused("/dev/null"), "/dev/null" + not_regular);
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(refused(pipe), pipe + not_regular);
  const std::string good = folder.put("good.mtx", real_general + "1 1 1\n1 1 1\n");
  EXPECT_EQ(message_of([&] { read_matrix_market<double>(good, -1); }),
            "cpu: the number of threads must not be negative, found -1");
}

/// While it lives, root is nobody: root may read everything.
class Nobody {
 public:
  Nobody() : user_(geteuid()) {
    constexpr uid_t nobody = 65534;
    is_root_ = user_ == 0 && seteuid(nobody) != 0;
  }
  bool is_root() const { return is_root_; }
  ~Nobody() {
    if (seteuid(user_) != 0) std::abort();
  }
  Nobody(const Nobody&) = delete;
  Nobody& operator=(const Nobody&) = delete;

 private:
  uid_t user_;
  bool is_root_;
};
TEST(MatrixMarketReader, RefusesAFileThatMayNotBeRead) {
  if (Nobody().is_root()) GTEST_SKIP() << "root can be nobody else here";
  const Folder folder;
  const std::string secret = folder.put("secret.mtx", real_general + "1 1 1\n1 1 1\n");
  chmod(folder.path().c_str(), 0755);
  const auto read_as_nobody = [&] {
    const Nobody nobody;
    return message_of([&] { read_matrix_market<double>(secret); });
  };
  EXPECT_EQ(read_as_nobody(), "");
  chmod(secret.c_str(), 0);
  EXPECT_EQ(read_as_nobody(), secret + ": Permission denied");
}

TEST(MatrixMarketReader, NoticesAFileThatBecomesShorter) {
  const Folder folder;
  const std::string path = folder.put("x.mtx", real_general + "1 1 1\n1 1 1\n");
  const Bytes bytes{std::filesystem::path(path)};
  std::filesystem::resize_file(path, 54);
  EXPECT_EQ(message_of([&] {
              matrix_market::read_matrix<double, std::int32_t>(bytes, {2, 1});
            }),
            path + ": became shorter while it was read: it had 58 bytes and ends before byte 54");
}

TEST(MatrixMarketSymmetry, FindsTheFirstPairThatDiffers) {
  const Folder folder;
  const auto path_of = [&](const std::string& lines) { return folder.put("x.mtx", real_general + lines); };
  const auto refused = [](const std::string& path, int threads) {
    return message_of([&] { require_symmetric(read_matrix_market<double>(path), path, threads); });
  };
  const std::string symmetric = path_of("3 3 5\n1 1 4\n1 2 1.5\n2 1 1.5\n3 3 2\n2 3 0\n");
  EXPECT_EQ(refused(symmetric, 1), "");
  EXPECT_FALSE(find_asymmetry(read_matrix_market<double>(symmetric)));

  const std::string wrong = path_of("3 3 7\n3 1 7\n1 3 7\n% x\n3 2 -2\n\n2 3 1.5\n2 1 5\n1 2 5\n1 1 1\n");
  const auto pair = find_asymmetry(read_matrix_market<double>(wrong));
  ASSERT_TRUE(pair);
  EXPECT_EQ(pair->row, 1);
  EXPECT_EQ(pair->column, 2);
  EXPECT_EQ(pair->value, 1.5);
  EXPECT_EQ(pair->mirrored, -2);
  for (const int threads : {1, 2, 7}) {
    EXPECT_EQ(refused(wrong, threads), wrong +
                                           ": line 8: expected a symmetric matrix, up to 8 units in the last place, "
                                           "but row 2, column 3 has 1.5 and row 3, column 2 has -2");
  }
  const std::string missing = path_of("3 3 2\n1 1 1\n3 2 0.1\n");
  EXPECT_EQ(refused(missing, 2), missing +
                                     ": line 4: expected a symmetric matrix, up to 8 units in the last place, but "
                                     "row 2, column 3 has 0 and row 3, column 2 has 0.1");
  const std::string wide = path_of("2 3 1\n1 1 1\n");
  EXPECT_EQ(refused(wide, 1), wide + ": line 2: expected a square matrix, found 2 x 3");
  EXPECT_EQ(message_of([&] { find_asymmetry(read_matrix_market<double>(wide)); }),
            "find_asymmetry: expected a square matrix, found 2 x 3");
  const std::string array = folder.put("a.mtx", array_general + "2 2\n1\n2\n% x\n3\n4\n");
  EXPECT_EQ(refused(array, 1), array +
                                   ": line 6: expected a symmetric matrix, up to 8 units in the last place, but "
                                   "row 1, column 2 has 3 and row 2, column 1 has 2");
}

TEST(MatrixMarketSymmetry, AllowsEightUnitsInTheLastPlace) {
  const auto differ = [](double a, double b) {
    SparseMatrix<double> matrix{
        .rows = 2, .columns = 2, .starts = {0, 1, 2}, .column_indices = {1, 0}, .values = {a, b}};
    return find_asymmetry(matrix).has_value();
  };
  const auto after = [](double x, int steps) {
    for (int k = 0; k < steps; ++k) x = std::nextafter(x, INFINITY);
    return x;
  };
  for (const double x : {1.0, -1.0, 0.1, 1e300, -1e-300, 5e-324, 0.0, -0.0, -1e-323, 0.9999999999999998}) {
    EXPECT_FALSE(differ(x, after(x, 8))) << x;
    EXPECT_FALSE(differ(after(x, 8), x)) << x;
    EXPECT_TRUE(differ(x, after(x, 9))) << x;
    EXPECT_TRUE(differ(after(x, 9), x)) << x;
  }
  EXPECT_TRUE(differ(1, -1));
  EXPECT_TRUE(differ(NAN, NAN));
  EXPECT_TRUE(differ(1e300, -1e300));
  EXPECT_TRUE(differ(std::numeric_limits<double>::max(), INFINITY));
}

TEST(MatrixMarketWriter, WritesWhatIsReadAgain) {
  const Folder folder;
  std::mt19937_64 random(3);
  for (const std::int64_t size : {1, 3, 50}) {
    for (const bool symmetric : {false, true}) {
      const auto matrix = matrix_of(random_file(random, size, 300, symmetric));
      write_matrix_market(folder / "m.mtx", matrix, symmetric ? Triangle::lower : Triangle::both);
      expect_same_bits(read_matrix_market<double>(folder / "m.mtx", 2), matrix, "written");
    }
  }
  const std::vector<double> numbers{0.1, -0.0, 5e-324, 1.7976931348623157e308, 1e22, 1.0 / 3};
  write_matrix_market(folder / "v.mtx", numbers);
  EXPECT_EQ(test::bytes_of(read_matrix_market_vector<double>(folder / "v.mtx")), test::bytes_of(numbers));
  std::vector<float> floats(200'000);  // more than one buffer
  for (auto& x : floats) x = static_cast<float>(std::ldexp(static_cast<double>(random()), -64));
  write_matrix_market(folder / "f.mtx", floats);
  EXPECT_EQ(read_matrix_market_vector<float>(folder / "f.mtx"), floats);
}

TEST(MatrixMarketWriter, WritesTheTextOfTheFormat) {
  const Folder folder;
  const SparseMatrix<double> matrix{
      .rows = 2, .columns = 2, .starts = {0, 2, 4}, .column_indices = {0, 1, 0, 1}, .values = {4, -0.5, -0.5, 1e-7}};
  write_matrix_market(folder / "m.mtx", matrix);
  EXPECT_EQ(read_file(folder / "m.mtx"), real_general + "2 2 4\n1 1 4\n1 2 -0.5\n2 1 -0.5\n2 2 1e-07\n");
  write_matrix_market(folder / "m.mtx", matrix, Triangle::lower);
  EXPECT_EQ(read_file(folder / "m.mtx"), real_symmetric + "2 2 3\n1 1 4\n2 1 -0.5\n2 2 1e-07\n");
  write_matrix_market(folder / "v.mtx", std::vector<double>{1, -2.5});
  EXPECT_EQ(read_file(folder / "v.mtx"), array_general + "2 1\n1\n-2.5\n");
  const SparseMatrix<double> wide{.rows = 1, .columns = 2, .starts = {0, 0}, .column_indices = {}, .values = {}};
  EXPECT_EQ(message_of([&] { write_matrix_market(folder / "w.mtx", wide, Triangle::lower); }),
            "write: expected a square matrix, as it is to be symmetric, found 1 x 2");
  EXPECT_EQ(folder.files().size(), 2u);
}

TEST(MatrixMarketWriter, LeavesNothingHalfWritten) {
  const Folder folder;
  const std::vector<double> numbers(100'000, 0.1);
  const auto writing = [&](const std::string& path) { return message_of([&] { write_matrix_market(path, numbers); }); };
  EXPECT_EQ(writing(folder / "missing/x.mtx"), folder / "missing/x.mtx: No such file or directory");
  EXPECT_EQ(writing(folder.path()), folder.path() + ": is a directory; expected the name of a file");
  folder.put("x.mtx", "old");
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const std::string message = writing(folder / "x.mtx");
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(message, folder / "x.mtx: File too large");
  EXPECT_EQ(read_file(folder / "x.mtx"), "old");
  {
    MatrixMarketWriter writer(folder / "y.mtx");
    writer.write(std::span<const double>(numbers));
    EXPECT_EQ(folder.files().size(), 2u);
  }
  EXPECT_EQ(folder.files(), std::vector<std::string>{"x.mtx"});
}

}  // namespace
}  // namespace nabla
