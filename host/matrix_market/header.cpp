#include "header.hpp"

#include "numbers.hpp"

#include <algorithm>
#include <optional>

// A banner, "%%MatrixMarket matrix FORMAT FIELD SYMMETRY", and a line with the sizes. Before, between and after them
// may be comments and blank lines.

namespace nabla::matrix_market {

namespace {

constexpr std::string_view banner = "%%matrixmarket";
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
constexpr const char* banner_wanted = "expected '%%MatrixMarket matrix' and what kind of matrix";

std::string in_small_letters(std::string_view text) {
  std::string small(text);
  for (char& c : small) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return small;
}

/// The first lines of a file.
class Lines {
 public:
  explicit Lines(const Bytes& bytes) : bytes_(bytes) {}

  /// The next line with its '\n', also where the file ends without; cut off where it is too long. None at the end.
  std::optional<std::string_view> next() {
    if (number_ > 0) begin_ += length_;
    std::size_t end = text_.find('\n', begin_);
    while (end == text_.npos && read_more()) end = text_.find('\n', begin_);
    if (end == text_.npos && begin_ == text_.size()) return std::nullopt;
    cut_off_ = end == text_.npos && read_ < bytes_.size();
    if (end == text_.npos) text_ += '\n';
    length_ = (end == text_.npos ? text_.size() : end + 1) - begin_;
    ++number_;
    std::string_view line(text_.data() + begin_, length_);
    if (number_ == 1 && line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
    return line;
  }
  std::int64_t number() const { return number_; }  ///< of the line, from 1
  bool cut_off() const { return cut_off_; }
  /// Bytes before the line that comes next.
  std::int64_t offset() const {
    return std::min(bytes_.size(), read_ - static_cast<std::int64_t>(text_.size() - begin_ - length_));
  }

 private:
  bool read_more() {
    constexpr std::int64_t block = 1 << 16;
    const auto pending = static_cast<std::int64_t>(text_.size() - begin_);
    const std::int64_t count = std::min({block, bytes_.size() - read_, longest_line + 1 - pending});
    if (count <= 0) return false;
    text_.erase(0, begin_);
    begin_ = 0;
    const std::size_t before = text_.size();
    text_.resize(before + static_cast<std::size_t>(count));
    bytes_.read(read_, count, text_.data() + before);
    read_ += count;
    return true;
  }

  const Bytes& bytes_;
  std::string text_;  // the bytes before read_
  std::size_t begin_ = 0, length_ = 0;
  std::int64_t read_ = 0, number_ = 0;
  bool cut_off_ = false;
};

class HeaderParser {
 public:
  explicit HeaderParser(const Bytes& bytes) : bytes_(bytes), lines_(bytes) {}

  MatrixMarketHeader parse() {
    try {
      parse_banner();
      parse_sizes();
    } catch (const Refusal& refusal) {
      bytes_.refuse(std::max<std::int64_t>(lines_.number(), 1), refusal.what);
    }
    header_.size_line = lines_.number();
    header_.data_offset = lines_.offset();
    return header_;
  }

 private:
  /// The first line that is neither blank nor a comment, or is the banner.
  std::string_view content(const char* wanted) {
    while (const auto line = lines_.next()) {
      const char* const p = skip_blanks(line->data());
      const auto length = static_cast<std::size_t>(line->data() + line->size() - p);
      const bool is_banner = in_small_letters(word_at(p)) == banner;
      if (!is_banner && lines_.cut_off() && lines_.number() > 1) throw Refusal{too_long()};
      if (*p != '\n' && (*p != '%' || is_banner)) return {p, length};
      if (lines_.cut_off()) throw Refusal{too_long()};
    }
    throw Refusal{std::string(wanted) + ", found the end of the file"};
  }

  /// One of the words of the banner; returns which of the known ones it is.
  std::size_t choose(const char*& p, std::initializer_list<std::string_view> known, const char* wanted,
                     std::string_view beyond) {
    p = skip_blanks(p);
    const std::string word = in_small_letters(word_at(p));
    const auto at = std::find(known.begin(), known.end(), word);
    if (at == known.end()) {
      // Words of the format that this library does not read, each between blanks.
      const bool known_beyond =
          !word.empty() && (' ' + std::string(beyond) + ' ').find(' ' + word + ' ') != beyond.npos;
      throw Refusal{std::string("expected ") + wanted + found_at(p) + (known_beyond ? ", which is not supported" : "")};
    }
    p += word.size();
    return static_cast<std::size_t>(at - known.begin());
  }

  void parse_banner() {
    const std::string_view line = content(banner_wanted);
    const char* p = line.data();
    if (in_small_letters(word_at(p)) != banner) throw Refusal{banner_wanted + found_at(p)};
    if (lines_.cut_off()) throw Refusal{too_long()};
    p += banner.size();
    using Field = MatrixMarketHeader::Field;
    choose(p, {"matrix"}, "'matrix' after '%%MatrixMarket'", "vector");
    header_.coordinate = choose(p, {"coordinate", "array"}, "'coordinate' or 'array'", "") == 0;
    constexpr Field fields[] = {Field::real, Field::integer, Field::pattern};
    const char* const field_word = skip_blanks(p);
    header_.field =
        fields[choose(p, {"real", "integer", "pattern"}, "entries that are 'real', 'integer' or 'pattern'", "complex")];
    if (!header_.coordinate && header_.field == Field::pattern) {
      throw Refusal{"expected entries that are 'real' or 'integer' in an array" + found_at(field_word)};
    }
    header_.symmetric = choose(p, {"general", "symmetric"}, "a matrix that is 'general' or 'symmetric'",
                               "skew-symmetric hermitian") == 1;
    require_end(p, "the banner");
  }

  void parse_sizes() {
    const std::string_view line = content(header_.coordinate ? "expected a line with rows, columns and entries"
                                                             : "expected a line with rows and columns");
    if (in_small_letters(word_at(line.data())) == banner) throw Refusal{"expected the banner once, found it again"};
    const char* p = line.data();
    header_.rows = read_size(p, "rows");
    header_.columns = read_size(p, "columns");
    if (header_.coordinate) header_.entries = read_size(p, "entries");
    require_end(p, header_.coordinate ? "rows, columns and entries" : "rows and columns");
    if (header_.symmetric && header_.rows != header_.columns) {
      throw Refusal{"expected a square matrix, as it is symmetric, found " + shape()};
    }
    require_believable();
    if (!header_.coordinate) count_entries();
  }

  std::int64_t read_size(const char*& p, const std::string& what) {
    p = skip_blanks(p);
    const char* const word = p;
    constexpr std::ptrdiff_t most_digits = 18;
    if (*p == '+') ++p;
    const char* const digits = p;
    const std::uint64_t number = read_digits(p, 0);
    if (p == digits || !ends_word(*p)) throw Refusal{"expected the number of " + what + found_at(word)};
    if (p - digits > most_digits) throw Refusal{"expected fewer than 10^18 " + what + found_at(word)};
    if (number == 0 && what != "entries") throw Refusal{"expected a positive number of " + what + found_at(word)};
    return static_cast<std::int64_t>(number);
  }

  /// Memory is needed for each row, also for empty ones, and for vectors of either length.
  void require_believable() const {
    constexpr std::int64_t always = 1 << 20;
    const std::int64_t most = std::max(always, bytes_.size());
    if (header_.rows <= most && header_.columns <= most) return;
    throw Refusal{"expected at most " + std::to_string(most) + " rows and columns in a file of " +
                  std::to_string(bytes_.size()) + " bytes, found " + shape()};
  }

  void count_entries() {
    const std::int64_t height = header_.rows, width = header_.columns;
    // In steps that can't overflow where the result does not.
    const bool overflows =
        header_.symmetric ? __builtin_mul_overflow(height % 2 == 0 ? height / 2 : height,
                                                   height % 2 == 0 ? height + 1 : (height + 1) / 2, &header_.entries)
                          : __builtin_mul_overflow(height, width, &header_.entries);
    if (overflows) throw Refusal{"expected fewer than 2^63 entries, found " + shape()};
  }

  std::string shape() const { return std::to_string(header_.rows) + " x " + std::to_string(header_.columns); }

  static void require_end(const char* p, const std::string& after) {
    p = skip_blanks(p);
    if (*p != '\n') throw Refusal{"expected the end of the line after " + after + found_at(p)};
  }

  const Bytes& bytes_;
  Lines lines_;
  MatrixMarketHeader header_;
};

}  // namespace

MatrixMarketHeader read_header(const Bytes& bytes) { return HeaderParser(bytes).parse(); }

}  // namespace nabla::matrix_market

namespace nabla {

MatrixMarketHeader read_matrix_market_header(const std::filesystem::path& path) {
  return matrix_market::read_header(matrix_market::Bytes(path));
}

}  // namespace nabla
