#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

// The oracle's data: tests/formula/*.txt, made by the scripts beside them.

namespace formula_records {

struct Expected {
  double number;
  double allowance;
};
struct Record {
  std::string formula;
  std::vector<std::string> variables;  // empty: indexed
  std::vector<double> at;
  std::vector<Expected> value, gradient, hessian;  // the Hessian's lower triangle
};

inline double number(const std::string& word) { return std::strtod(word.c_str(), nullptr); }

inline std::vector<Record> read_records(const std::string& file) {
  std::ifstream stream(std::string(NABLA_FORMULA_DATA) + "/" + file);
  std::vector<Record> records;
  bool open = false;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("#")) continue;
    std::istringstream words(line);
    std::string key;
    if (!(words >> key)) {
      open = false;
      continue;
    }
    if (!open) records.emplace_back();
    open = true;
    Record& record = records.back();
    const auto expect = [&](std::vector<Expected>& list) {
      for (std::string word, allowance; words >> word >> allowance;) list.push_back({number(word), number(allowance)});
    };
    if (key == "formula") record.formula = line.substr(line.find(' ') + 1);
    if (key == "variables") {
      for (std::string name; words >> name;) record.variables.push_back(name);
    }
    if (key == "at") {
      for (std::string word; words >> word;) record.at.push_back(number(word));
    }
    if (key == "value") expect(record.value);
    if (key == "gradient") expect(record.gradient);
    if (key == "hessian") expect(record.hessian);
  }
  return records;
}

}  // namespace formula_records
