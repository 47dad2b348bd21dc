#include <nabla/npy.hpp>

#include "npy_bytes.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <limits>
#include <sstream>

namespace nabla {
namespace {

using test::bytes_of;
using test::dictionary;
using test::Folder;
using test::npy_bytes;
using test::npy_file;
using test::read_file;

NpyHeader header_of(const std::string& bytes) {
  std::istringstream in(bytes);
  return read_npy_header(in, static_cast<std::int64_t>(bytes.size()), "x.npy");
}

/// The message with which a file is refused, or an empty string.
std::string refusal(const std::string& bytes) {
  try {
    const NpyHeader header = header_of(bytes);
    std::istringstream in(bytes);
    in.seekg(header.data_offset);
    std::vector<double> numbers(static_cast<std::size_t>(header.numbers()));
    read_npy_numbers(in, header, "x.npy", numbers.data());
    return "";
  } catch (const FileError& error) {
    return error.what();
  }
}

std::string refused_header(const std::string& dictionary) {
  return refusal(npy_bytes(dictionary, std::string(64, 'x')));
}

std::string message_of_writing(const std::string& path) {
  try {
    const std::vector<double> numbers(1000, 1.5);
    write_npy(path, numbers.data(), {1000}, false);
    return "";
  } catch (const FileError& error) {
    return error.what();
  }
}

TEST(NpyReader, ReadsEveryVersionTypeOrderAndShape) {
  const Folder folder;
  const std::vector<double> six{1, -2.5, 3e300, -0.0, 5e-324, 6};
  for (const int version : {1, 2, 3}) {
    const auto path = folder.put("a.npy", npy_bytes(dictionary("<f8", "(3, 2)"), bytes_of(six), version));
    const auto array = read_npy<double>(path);
    EXPECT_EQ(bytes_of(array.numbers), bytes_of(six)) << version;
    EXPECT_EQ(array.header.count(), 3);
    EXPECT_EQ(array.header.components(), 2);
    EXPECT_EQ(array.header.layout(), Layout::point_major);
    EXPECT_TRUE(array.header.is_double);
  }
  const auto fortran = read_npy<double>(folder.put("f.npy", npy_file<double>("(3, 2)", six, true)));
  EXPECT_EQ(fortran.header.layout(), Layout::component_major);
  EXPECT_EQ(bytes_of(fortran.numbers), bytes_of(six));

  const auto vector = header_of(npy_file<double>("(6,)", six));
  EXPECT_EQ(vector.count(), 6);
  EXPECT_EQ(vector.components(), 1);
  const auto scalar = header_of(npy_file<double>("()", {7}));
  EXPECT_EQ(scalar.numbers(), 1);
  for (const char* const shape : {"(0,)", "(0, 2)", "(2, 0)", "(0, 0)"}) {
    EXPECT_EQ(header_of(npy_file<double>(shape, {})).numbers(), 0) << shape;
  }
}

TEST(NpyReader, ConvertsBetweenPrecisions) {
  const Folder folder;
  const std::vector<float> floats{0.1f, -3, std::numeric_limits<float>::denorm_min(), INFINITY};
  const auto widened = read_npy<double>(folder.put("f4.npy", npy_file<float>("(4,)", floats)));
  EXPECT_FALSE(widened.header.is_double);
  EXPECT_EQ(widened.numbers, std::vector<double>(floats.begin(), floats.end()));
  const auto narrowed = read_npy<float>(folder.put("f8.npy", npy_file<double>("(4,)", {0.1, 1e300, NAN, 2})));
  EXPECT_EQ(narrowed.numbers[0], 0.1f);
  EXPECT_EQ(narrowed.numbers[1], INFINITY);
  EXPECT_TRUE(std::isnan(narrowed.numbers[2]));

  std::vector<float> many(100'003);  // more than one buffer
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<float>(i);
  const auto wide = read_npy<double>(folder.put("many.npy", npy_file<float>("(100003,)", many)));
  EXPECT_EQ(wide.numbers, std::vector<double>(many.begin(), many.end()));
}

TEST(NpyReader, AcceptsEveryWayToWriteTheHeader) {
  const std::string data = bytes_of(std::vector<double>(6));
  for (const char* const text : {
           "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }          \n",
           "{\"shape\": (3, 2), \"descr\": \"<f8\", \"fortran_order\": False}",
           "{'fortran_order':False,'shape':(3L,2L),'descr':'<f8'}",
           " { 'shape' : ( 3 ,\t2 , ) , 'fortran_order' : False ,\n 'descr' : '<f8' , } ",
       }) {
    const NpyHeader header = header_of(npy_bytes(text, data));
    EXPECT_EQ(header.shape, (std::vector<std::int64_t>{3, 2})) << text;
    EXPECT_FALSE(header.fortran_order) << text;
  }
}

TEST(NpyReader, RefusesWhatIsNotNpy) {
  EXPECT_EQ(refusal(""),
            "x.npy: is not a .npy file; expected the bytes 93 4e 55 4d 50 59 at its beginning, found none");
  EXPECT_EQ(refusal("PK\x03\x04\x14"),
            "x.npy: is not a .npy file; expected the bytes 93 4e 55 4d 50 59 at its beginning, found 50 4b 03 04 14");
  std::string file = npy_file<double>("(1,)", {1});
  file[6] = 4;
  EXPECT_EQ(refusal(file), "x.npy: byte 6: expected version 1.0, 2.0 or 3.0 of the format, found 4.0");
  file[6] = 1;
  file[7] = 2;
  EXPECT_EQ(refusal(file), "x.npy: byte 6: expected version 1.0, 2.0 or 3.0 of the format, found 1.2");
}

TEST(NpyReader, RefusesOtherTypes) {
  const auto refused_type = [](const char* descr) { return refusal(npy_bytes(dictionary(descr, "(1,)"), "12345678")); };
  EXPECT_EQ(refused_type(">f8"),
            "x.npy: expected the type '<f8' or '<f4' (little-endian floating point), found '>f8', which is big-endian");
  for (const char* const descr : {">f4", "<i8", "|b1", "=f8", "f8", "<f2", "<f16", "<c16", "|O", ""}) {
    EXPECT_NE(refused_type(descr).find(std::string("found '") + descr + "'"), std::string::npos) << descr;
  }
  EXPECT_NE(refused_header("{'descr': [('x', '<f8')], 'fortran_order': False, 'shape': (1,)}")
                .find("expected the type, a string such as '<f8', in quotes, found '[('x', '<f8''"),
            std::string::npos);
}

TEST(NpyReader, RefusesOtherShapes) {
  const auto refused_shape = [](const char* shape) { return refusal(npy_bytes(dictionary("<f8", shape), "12345678")); };
  EXPECT_EQ(refused_shape("(2, 3, 4)"),
            "x.npy: expected one axis (count,) or two (count, n), found the shape (2, 3, 4)");
  EXPECT_EQ(refused_shape("(1,1,1,1,1)"), "x.npy: expected one axis (count,) or two (count, n), found 5 axes");
  EXPECT_EQ(refused_shape("(4611686018427387904, 2)"),
            "x.npy: the shape (4611686018427387904, 2) needs 2^63 bytes or more");
  EXPECT_NE(refused_shape("(0, 9223372036854775807)"), "");
  EXPECT_NE(refused_shape("(9223372036854775808,)").find("expected a size below 2^63"), std::string::npos);
  for (const char* const shape : {"(-1,)", "(3)", "(,)", "3", "[3]", "(3.0,)", "(True,)", "(007,)", "(1e3,)", "(3,,)",
                                  "(3 2)", "(3", "(0x3,)", "('3',)", "(1_0,)", "None"}) {
    EXPECT_NE(refused_shape(shape), "") << shape;
  }
}

TEST(NpyReader, RefusesBrokenDictionaries) {
  EXPECT_EQ(refused_header("{'descr': '<f8', 'shape': (1,), }"), "x.npy: the header has no 'fortran_order'");
  EXPECT_EQ(refused_header("{}"), "x.npy: the header has no 'descr'");
  EXPECT_EQ(refused_header("{'descr': '<f8', 'descr': '<f8'}"), "x.npy: byte 27: the key 'descr' is given twice");
  EXPECT_EQ(refused_header("{'order': 'C'}"),
            "x.npy: byte 11: expected one of the keys 'descr', 'fortran_order', 'shape', found 'order'");
  EXPECT_EQ(refused_header("[]"), "x.npy: byte 10: expected '{' at the beginning of the header, found '[]'");
  EXPECT_NE(refused_header("{'descr': '<f8").find("the string that begins here has no end"), std::string::npos);
  EXPECT_NE(refused_header("{'descr' '<f8'}").find("expected ':' after the key 'descr', found ''<f8'}'"),
            std::string::npos);
  EXPECT_NE(refused_header("{'fortran_order': 1}").find("expected True or False, found '1}'"), std::string::npos);
  EXPECT_NE(refused_header(dictionary("<f8", "(1,)") + "x").find("expected nothing after the header's '}', found 'x'"),
            std::string::npos);
  EXPECT_NE(refused_header("{'\n\x1b[31m': 1}").find("found '\\x0a\\x1b[31m'"), std::string::npos);
}

TEST(NpyReader, SaysHowMuchOfATruncatedFileIsThere) {
  const std::string file = npy_file<double>("(3, 2)", {1, 2, 3, 4, 5, 6});
  const auto offset = static_cast<std::size_t>(header_of(file).data_offset);
  EXPECT_EQ(refusal(file.substr(0, file.size() - 1)),
            "x.npy: is truncated; the shape (3, 2) needs 48 bytes after byte " + std::to_string(offset) + ", found 47");
  EXPECT_EQ(refusal(file.substr(0, 20)), "x.npy: is truncated; expected a header of " + std::to_string(offset - 10) +
                                             " bytes after byte 10, found 10");
  EXPECT_EQ(refusal(file.substr(0, 9)), "x.npy: is truncated; expected 10 bytes before the header, found 9");
  for (std::size_t length = 0; length < file.size(); ++length) EXPECT_NE(refusal(file.substr(0, length)), "") << length;
  EXPECT_EQ(refusal(file), "");
}

TEST(NpyReader, DoesNotBelieveALongHeader) {
  std::string file = npy_bytes("{}", "", 2);
  file[11] = '\x7f';
  EXPECT_NE(refusal(file).find("expected a header of at most 1048576 bytes, found the length 2130706434"),
            std::string::npos);
}

TEST(NpyReader, ReportsTrailingBytes) {
  const NpyHeader header = header_of(npy_file<double>("(2,)", {1, 2}) + "xyz");
  EXPECT_EQ(header.trailing_bytes, 3);
}

TEST(NpyReader, RefusesWhatIsNotAFile) {
  const Folder folder;
  EXPECT_THROW(read_npy<double>(folder / "missing.npy"), FileError);
  EXPECT_THROW(read_npy<double>(folder.path()), FileError);
  EXPECT_THROW(read_npy<double>("/dev/null"), FileError);
  try {
    read_npy<double>(folder / "missing.npy");
  } catch (const FileError& error) {
    EXPECT_EQ(std::string(error.what()), folder / "missing.npy" + std::string(": No such file or directory"));
  }
}

TEST(NpyWriter, WritesWhatNumpyWrites) {
  const Folder folder;
  const std::vector<double> numbers{1, 2, 3, 4, 5, 6};
  write_npy(folder / "c.npy", numbers.data(), {3, 2}, false);
  const std::string file = read_file(folder / "c.npy");
  const std::string text = "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }";
  EXPECT_EQ(file, std::string("\x93NUMPY\x01\x00\x76\x00", 10) + text + std::string(117 - text.size(), ' ') + "\n" +
                      bytes_of(numbers));
  EXPECT_EQ(folder.files(), std::vector<std::string>{"c.npy"});

  const std::vector<float> floats{1, 2};
  write_npy(folder / "f.npy", floats.data(), {2}, true);
  EXPECT_EQ(test::dictionary_of(read_file(folder / "f.npy")),
            "{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }");
  EXPECT_EQ(read_npy<float>(folder / "f.npy").numbers, floats);
  write_npy(folder / "s.npy", floats.data(), {}, false);
  EXPECT_EQ(test::dictionary_of(read_file(folder / "s.npy")),
            "{'descr': '<f4', 'fortran_order': False, 'shape': (), }");
  write_npy<float>(folder / "e.npy", nullptr, {0, 5}, false);
  EXPECT_EQ(read_npy<float>(folder / "e.npy").header.shape, (std::vector<std::int64_t>{0, 5}));
}

TEST(NpyWriter, AlignsTheNumbersForEveryHeaderLength) {
  const Folder folder;
  const double number = 4;
  for (std::size_t axes = 0; axes < 64; ++axes) {
    write_npy(folder / "a.npy", &number, std::vector<std::int64_t>(axes, 1), false);
    const std::string file = read_file(folder / "a.npy");
    EXPECT_EQ((file.size() - 8) % 64, 0u) << axes;
    EXPECT_EQ(test::numbers_of<double>(file), std::vector<double>{4}) << axes;
  }
  write_npy(folder / "a.npy", &number, std::vector<std::int64_t>(30'000, 1), false);
  const std::string file = read_file(folder / "a.npy");
  EXPECT_EQ(file[6], 2);  // a header beyond 65535 bytes needs version 2
  EXPECT_EQ((file.size() - 8) % 64, 0u);
  EXPECT_NE(refusal(file).find("found 30000 axes"), std::string::npos);
}

TEST(NpyWriter, ReplacesAFileAndKeepsALink) {
  const Folder folder;
  folder.put("real.npy", "old");
  std::filesystem::create_symlink(folder / "real.npy", folder / "link.npy");
  EXPECT_EQ(message_of_writing(folder / "link.npy"), "");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link.npy"));
  EXPECT_EQ(read_npy<double>(folder / "real.npy").numbers.size(), 1000u);
  EXPECT_EQ(folder.files().size(), 2u);
}

TEST(NpyWriter, LeavesNothingBehindWhenItFails) {
  const Folder folder;
  EXPECT_EQ(message_of_writing(folder / "missing/x.npy"), folder / "missing/x.npy: No such file or directory");
  EXPECT_EQ(message_of_writing(folder.path()), folder.path() + ": is a directory; expected the name of a file");
  EXPECT_EQ(message_of_writing("/dev/full"), "/dev/full: is not a regular file; expected one, or a new name");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
  EXPECT_EQ(folder.files(), std::vector<std::string>{});
}

TEST(NpyWriter, KeepsTheOldFileWhenTheDiskIsFull) {
  const Folder folder;
  folder.put("x.npy", "old");
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const std::string message = message_of_writing(folder / "x.npy");
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(message, folder / "x.npy: File too large");
  EXPECT_EQ(read_file(folder / "x.npy"), "old");
  EXPECT_EQ(folder.files(), std::vector<std::string>{"x.npy"});
}

TEST(NpyWriter, RemovesWhatIsNeverPublished) {
  const Folder folder;
  {
    NpyWriter writer(folder / "x.npy");
    const double number = 1;
    writer.write(&number, {1}, false);
    EXPECT_EQ(folder.files().size(), 1u);
    EXPECT_FALSE(std::filesystem::exists(folder / "x.npy"));
  }
  EXPECT_EQ(folder.files(), std::vector<std::string>{});
}

}  // namespace
}  // namespace nabla
