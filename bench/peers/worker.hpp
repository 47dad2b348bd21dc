#pragma once

#include <sys/mman.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// The side of scripts/compare_peers that computes: a program that stays alive, is told on its standard input what to
// do, a line each with tabs between words, and answers each with a line. worker.py is the same for Python.
//     case NAME FILE N COUNT         variants V...     N * COUNT numbers of f64, component by component
//     prepare V                      seconds S         the first call, with what is compiled for it
//     run V                          seconds S
//     answers V FILE STRIDE          written           value and gradient of points 0, STRIDE, 2 STRIDE, ...: f64
// The first line it says by itself is "ready WHAT-IT-IS"; what goes wrong is "error WHY".

namespace peers {

/// Who sees a worker's memory: this process, or those that it forks too.
enum class Memory { own = MAP_PRIVATE, shared = MAP_SHARED };

/// Numbers that start on a page; in large pages where the system has them for those who ask, as NumPy does.
class Numbers {
 public:
  Numbers(std::int64_t count, Memory memory) : bytes_(static_cast<std::size_t>(count) * sizeof(double)) {
    void* const at = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, static_cast<int>(memory) | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) throw std::runtime_error("out of memory");
    madvise(at, bytes_, MADV_HUGEPAGE);
    data_ = static_cast<double*>(at);
  }
  Numbers(const Numbers&) = delete;
  Numbers& operator=(const Numbers&) = delete;
  ~Numbers() { munmap(data_, bytes_); }
  double* data() const { return data_; }

 private:
  std::size_t bytes_;
  double* data_ = nullptr;
};

/// What is to be computed, and where to: component i of point p is x[i * count + p], and so are derivatives.
struct Task {
  std::string name;
  std::int64_t n = 0, count = 0;
  const double* x = nullptr;
  double* value = nullptr;
  double* gradient = nullptr;
};

struct Variant {
  std::string name;
  std::function<void()> run;
};

inline int threads() {
  const char* const text = std::getenv("OMP_NUM_THREADS");
  return text ? std::atoi(text) : 1;
}

class Worker {
 public:
  using Variants = std::function<std::vector<Variant>(const Task&)>;
  explicit Worker(Variants variants_of, Memory memory = Memory::own)
      : variants_of_(std::move(variants_of)), memory_(memory) {}

  int serve(const std::string& what_it_is) {
    std::cout << "ready\t" << what_it_is << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
      std::string answer;
      try {
        answer = answer_to(line);
      } catch (const std::exception& error) {
        answer = std::string("error\t") + error.what();
      }
      std::cout << answer << std::endl;
    }
    return 0;
  }

 private:
  std::string answer_to(const std::string& line) {
    std::vector<std::string> words;
    std::istringstream in(line);
    for (std::string word; std::getline(in, word, '\t');) words.push_back(word);
    if (words.size() == 5 && words[0] == "case") return start(words);
    if (words.size() >= 2) {
      for (const Variant& variant : variants_) {
        if (variant.name == words[1]) return answer_to(words, variant);
      }
    }
    return "error\tnot understood: " + line;
  }

  std::string start(const std::vector<std::string>& words) {
    variants_.clear();
    held_.clear();
    task_ = Task{words[1], std::stoll(words[3]), std::stoll(words[4])};
    double* const x = hold(task_.n * task_.count);
    std::ifstream file(words[2], std::ios::binary);
    file.read(reinterpret_cast<char*>(x), task_.n * task_.count * static_cast<std::int64_t>(sizeof(double)));
    if (!file) throw std::runtime_error("can't read " + words[2]);
    task_.x = x;
    task_.value = hold(task_.count);
    task_.gradient = hold(task_.n * task_.count);
    variants_ = variants_of_(task_);
    std::string answer = "variants";
    for (const Variant& variant : variants_) answer += "\t" + variant.name;
    return answer;
  }

  std::string answer_to(const std::vector<std::string>& words, const Variant& variant) {
    if (words[0] == "run" || words[0] == "prepare") {
      const auto begun = std::chrono::steady_clock::now();
      variant.run();
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
      return "seconds\t" + std::to_string(took.count());
    }
    if (words[0] != "answers" || words.size() != 4) return "error\tnot understood: " + words[0];
    // Results of another variant must not be mistaken for this one's.
    for (std::int64_t i = 0; i < task_.count; ++i) task_.value[i] = 0;
    for (std::int64_t i = 0; i < task_.n * task_.count; ++i) task_.gradient[i] = 0;
    variant.run();
    std::ofstream file(words[2], std::ios::binary);
    const std::int64_t stride = std::stoll(words[3]);
    for (std::int64_t p = 0; p < task_.count; p += stride) {
      write(file, task_.value[p]);
      for (std::int64_t i = 0; i < task_.n; ++i) write(file, task_.gradient[i * task_.count + p]);
    }
    if (!file.flush()) throw std::runtime_error("can't write " + words[2]);
    return "written";
  }

  static void write(std::ofstream& file, double number) {
    file.write(reinterpret_cast<const char*>(&number), sizeof number);
  }

  double* hold(std::int64_t count) {
    held_.push_back(std::make_unique<Numbers>(count, memory_));
    return held_.back()->data();
  }

  Variants variants_of_;
  Memory memory_;
  std::vector<Variant> variants_;
  std::vector<std::unique_ptr<Numbers>> held_;
  Task task_;
};

}  // namespace peers
