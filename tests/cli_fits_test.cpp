#include "cli_answers.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

// nabla minimize with data of each fit's own: parameters that are known, shapes of files, and what is refused.

namespace nabla::test {
namespace {

/// y = a exp(-b t) + c + offset of fit k, with a = 2 + k, b = 1 + k / 10, c = k / 100.
class Fits : public ::testing::Test {
 protected:
  static constexpr int fits = 5, rows = 12;

  Fits() {
    std::vector<double> t, y, offset, ends;
    for (int r = 0; r < rows; ++r) t.push_back(r / 4.0);
    for (int k = 0; k < fits; ++k) {
      offset.push_back(10.0 * k);
      for (const double at : t) y.push_back((2 + k) * std::exp(-(1 + k / 10.0) * at) + k / 100.0 + offset.back());
    }
    folder_.put("t.npy", npy_file("(12,)", t));
    folder_.put("y.npy", npy_file("(5, 12)", y));
    folder_.put("offset.npy", npy_file("(5,)", offset));
    folder_.put("starts.npy", npy_file("(5, 3)", std::vector<double>(15, 1)));
    folder_.put("two.npy", npy_file("(2, 3)", std::vector<double>(6, 1)));
  }
  std::string file(const std::string& name) const { return folder_ / name; }
  std::vector<std::string> arguments(std::vector<std::string> more) const {
    std::vector<std::string> all{"minimize",
                                 "--executor",
                                 "cpu",
                                 "--formula",
                                 "a*exp(-b*t) + c + d - y",
                                 "--variables",
                                 "a,b,c",
                                 "--data-column",
                                 "t=" + file("t.npy"),
                                 "--data-column",
                                 "y=" + file("y.npy"),
                                 "--relative-tolerance",
                                 "1e-10"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  std::string offset() const { return "d=" + file("offset.npy"); }

  Folder folder_;
};

TEST_F(Fits, FindParametersFromOneStartOrFromOneEach) {
  for (const std::vector<std::string>& starts :
       {std::vector<std::string>{"--at", "2,1.5,0.5"}, {"--points", file("starts.npy")}}) {
    auto more = starts;
    more.insert(more.end(), {"--param-column", offset(), "--out-x", file("x.npy"), "--threads", "2"});
    const json all = answer(arguments(more));
    EXPECT_EQ(all["method"], "levenberg-marquardt");
    EXPECT_EQ(all["starts"], fits);
    EXPECT_EQ(all["converged"], fits);
    EXPECT_EQ(all["rows"], rows);
    EXPECT_GT(all["fits_per_second"], 0);
    EXPECT_FALSE(all.contains("ends"));
    const auto x = numbers_of<double>(read_file(file("x.npy")));
    ASSERT_EQ(x.size(), 3u * fits);
    for (int k = 0; k < fits; ++k) {
      EXPECT_NEAR(x[static_cast<std::size_t>(3 * k)], 2 + k, 1e-8);
      EXPECT_NEAR(x[static_cast<std::size_t>(3 * k + 1)], 1 + k / 10.0, 1e-8);
      EXPECT_NEAR(x[static_cast<std::size_t>(3 * k + 2)], k / 100.0, 1e-8);
    }
  }
}

TEST_F(Fits, OtherMethodsAndOneDataSetForManyStarts) {
  const json all = answer(arguments({"--param-column", offset(), "--at", "2,1.5,0.5", "--method", "bfgs"}));
  EXPECT_EQ(all["method"], "bfgs");
  EXPECT_EQ(all["converged"], fits);
  const json many = answer({"minimize", "--executor", "cpu", "--formula", "k*t - 2*t", "--variables", "k",
                            "--data-column", "t=" + file("t.npy"), "--random", "7", "--dimension", "1"});
  EXPECT_EQ(many["starts"], 7);
  EXPECT_EQ(many["converged"], 7);
  EXPECT_NEAR(many["best"]["x"][0], 2, 1e-9);
}

TEST_F(Fits, OutputsAreResidualsWithoutData) {
  const json all =
      answer({"minimize", "--executor", "cpu", "--formula", "10*(y - x^2); 1 - x", "--variables", "x,y",
              "--relative-tolerance", "1e-12", "--at", "-1.2,1", "--at", "2,2", "--method", "levenberg-marquardt"});
  EXPECT_EQ(all["converged"], 2);
  for (const json& end : all["ends"]) EXPECT_NEAR(end["x"][0], 1, 1e-5);
  EXPECT_FALSE(all.contains("rows"));
}

TEST_F(Fits, OnCudaFindTheSame) {
  if (const std::string reason = why_no_cuda(); !reason.empty()) GTEST_SKIP() << "no CUDA: " << reason;
  const auto on = [&](const char* executor, const std::string& out, std::vector<std::string> more) {
    auto all = arguments({"--param-column", offset(), "--out-x", file(out)});
    all.insert(all.end(), more.begin(), more.end());
    all[2] = executor;
    return answer(all);
  };
  for (const std::vector<std::string>& starts :
       {std::vector<std::string>{"--at", "2,1.5,0.5"}, {"--points", file("starts.npy")}}) {
    const json cpu = on("cpu", "x.npy", starts), cuda = on("cuda", "x_of_cuda.npy", starts);
    EXPECT_EQ(cuda["executor"]["kind"], "cuda");
    EXPECT_GE(cuda["transfer_seconds"], 0);
    // Of exact data: whether a gradient is rounding or 0 is rounding.
    EXPECT_EQ(cpu["converged"], fits);
    EXPECT_EQ(cuda["converged"], fits);
    const auto x = numbers_of<double>(read_file(file("x.npy"))),
               y = numbers_of<double>(read_file(file("x_of_cuda.npy")));
    ASSERT_EQ(x.size(), y.size());
    for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], y[i], 1e-8);
  }
  const json without_data =
      answer({"minimize", "--executor", "cuda", "--formula", "10*(y - x^2); 1 - x", "--variables", "x,y",
              "--relative-tolerance", "1e-12", "--at", "-1.2,1", "--at", "2,2", "--method", "levenberg-marquardt"});
  EXPECT_EQ(without_data["converged"], 2);
}

TEST_F(Fits, ArePrintedForPeople) {
  const Outcome outcome = nabla(arguments({"--param-column", offset(), "--at", "2,1.5,0.5"}));
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("its squares summed over 12 rows of data, by levenberg-marquardt from 5 starts"),
            std::string::npos)
      << outcome.out;
  EXPECT_NE(outcome.out.find(" fits/s"), std::string::npos) << outcome.out;
}

/// Exit status 2 and this line.
void expect_refusal(const std::vector<std::string>& arguments, const std::string& line) {
  const Outcome outcome = nabla(arguments);
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "nabla minimize: " + line + "\n");
}

TEST_F(Fits, AreRefusedInOneLine) {
  const auto refuse = [&](const std::vector<std::string>& more, const std::string& line) {
    expect_refusal(arguments(more), line);
  };
  const std::vector<std::string> good{"--param-column", offset()};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), good.begin(), good.end());
    return more;
  };
  refuse({"--at", "1,1,0", "--param-column", "d"}, "--param-column: expected NAME=FILE.npy, found 'd'");
  refuse({"--at", "1,1,0", "--param-column", "d=" + file("y.npy")},
         "--param-column: " + file("y.npy") + ": expected an array of shape (fits,), found (5, 12)");
  refuse({"--at", "1,1,0", "--data-column", "d=" + file("two.npy")},
         "--data-column: " + file("two.npy") + ": expected 5 fits, as others have, found 2");
  refuse(with({"--points", file("two.npy")}), "--data-column: there are data of 5 fits, and 2 starts; expected 1 or 5");
  refuse(with({"--at", "1,1,0", "--method", "newton"}),
         "--method newton: is not for fits; expected levenberg-marquardt or another");
  refuse(with({"--at", "1,1,0", "--checkpoint", file("state")}), "--checkpoint: is not for fits");
  refuse(with({"--at", "1,1,0", "--out-x", file("y.npy")}),
         "--out-x: '" + file("y.npy") + "' is the same file as that of --data-column");
  expect_refusal(
      {"minimize", "--function", "booth", "--at", "0,0", "--method", "levenberg-marquardt"},
      "--method levenberg-marquardt: is for sums of squares of formulas; needs --data-column NAME=FILE.npy, or a "
      "formula with several outputs");
}

}  // namespace
}  // namespace nabla::test
