#include "program_passes.hpp"

#include <algorithm>

namespace nabla::formula {

namespace {

using Code = Instruction::Code;
using Kind = Operand::Kind;

void drop(Program& program, const std::vector<bool>& dropped) {
  auto& all = program.instructions;
  std::vector<std::int32_t> moved(all.size() + 1);
  std::vector<Instruction> kept;
  for (std::size_t i = 0; i < all.size(); ++i) {
    moved[i] = static_cast<std::int32_t>(kept.size());
    const bool empty = all[i].code == Code::copy && all[i].out.kind == Kind::none;
    if (!dropped[i] && !empty) kept.push_back(all[i]);
  }
  for (Instruction& instruction : kept) {
    if (instruction.code == Code::loop || instruction.code == Code::end) {
      instruction.target = moved[static_cast<std::size_t>(instruction.target)];
    }
  }
  all = std::move(kept);
}

/// a*b + c in one rounding, where the product is used for nothing else: as compilers contract it.
void fuse_multiply_add(Program& program, const std::vector<int>& reads, const std::vector<int>& writes,
                       const std::vector<std::size_t>& writer) {
  auto& all = program.instructions;
  std::vector<bool> dropped(all.size());
  int depth = 0;
  std::vector<int> loop_of(all.size());
  std::vector<int> stack{-1};
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].code == Code::end) stack.pop_back();
    loop_of[i] = stack.back();
    if (all[i].code == Code::loop) stack.push_back(++depth);
  }
  const auto product = [&](const Operand& o, std::size_t at) -> Instruction* {
    if (o.kind != Kind::slot) return nullptr;
    const auto slot = static_cast<std::size_t>(o.place);
    if (reads[slot] != 1 || writes[slot] != 1) return nullptr;
    const std::size_t from = writer[slot];
    Instruction& found = all[from];
    const bool square = found.code == Code::whole_power && found.exponent == 2;
    if (loop_of[from] != loop_of[at] || !(square || (found.code == Code::operation && found.op == Op::multiply))) {
      return nullptr;
    }
    return &found;
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    Instruction& sum = all[i];
    if (sum.code != Code::operation || (sum.op != Op::add && sum.op != Op::subtract)) continue;
    Instruction* of = product(sum.a, i);
    Code code = sum.op == Op::add ? Code::multiply_add : Code::multiply_subtract;
    Operand other = sum.b;
    if (of == nullptr) {
      of = product(sum.b, i);
      code = sum.op == Op::add ? Code::multiply_add : Code::negate_multiply_add;
      other = sum.a;
    }
    if (of == nullptr) continue;
    const Operand second = of->code == Code::whole_power ? of->a : of->b;
    sum = {.code = code, .out = sum.out, .a = of->a, .b = second, .c = other};
    dropped[static_cast<std::size_t>(of - all.data())] = true;
  }
  // Not removed but emptied, so that `writer` stays true.
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (dropped[i]) all[i] = {.code = Code::copy};
  }
}

}  // namespace

void store_rows_at_once(Program& program) {
  auto& all = program.instructions;
  std::vector<int> reads(static_cast<std::size_t>(program.slots)), writes(reads.size());
  std::vector<std::size_t> writer(reads.size());
  const auto count = [](std::vector<int>& counts, const Operand& o) {
    if (o.kind == Kind::slot) ++counts[static_cast<std::size_t>(o.place)];
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const Operand& o : {all[i].a, all[i].c}) count(reads, o);
    count(all[i].code == Code::sine_and_cosine ? writes : reads, all[i].b);
    count(writes, all[i].out);
    if (all[i].code == Code::accumulate || all[i].code == Code::multiply_up) count(reads, all[i].out);
    for (const Operand& o : {all[i].out, all[i].code == Code::sine_and_cosine ? all[i].b : Operand{}}) {
      if (o.kind == Kind::slot) writer[static_cast<std::size_t>(o.place)] = i;
    }
  }
  fuse_multiply_add(program, reads, writes, writer);
  std::vector<bool> dropped(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].code != Code::copy || all[i].out.kind != Kind::row || all[i].a.kind != Kind::slot) continue;
    const auto slot = static_cast<std::size_t>(all[i].a.place);
    Instruction& from = all[writer[slot]];
    if (reads[slot] != 1 || writes[slot] != 1 || from.code == Code::sine_and_cosine || from.out != all[i].a) continue;
    from.out = all[i].out;
    dropped[i] = true;
  }
  drop(program, dropped);
}

void assign_slots(Program& program) {
  auto& all = program.instructions;
  constexpr std::size_t never = SIZE_MAX;
  std::vector<std::size_t> first(static_cast<std::size_t>(program.slots), never), last(first.size(), 0);
  std::vector<std::size_t> loops;  // open ones' beginnings
  const auto touch = [&](const Operand& o, std::size_t at) {
    if (o.kind != Kind::slot) return;
    const auto slot = static_cast<std::size_t>(o.place);
    if (first[slot] == never) first[slot] = at;
    std::size_t until = at;
    for (const std::size_t loop : loops) {
      if (first[slot] < loop) {
        until = static_cast<std::size_t>(all[loop].target);
        break;
      }
    }
    last[slot] = std::max(last[slot], until);
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const Operand& o : {all[i].a, all[i].b, all[i].c, all[i].out}) touch(o, i);
    if (all[i].code == Code::loop) loops.push_back(i);
    if (all[i].code == Code::end) loops.pop_back();
  }
  std::vector<std::vector<std::size_t>> ends(all.size() + 1);
  for (std::size_t slot = 0; slot < first.size(); ++slot) {
    if (first[slot] != never) ends[last[slot]].push_back(slot);
  }
  std::vector<std::int32_t> place(first.size(), -1), free;
  std::int32_t used = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    // Arguments that end here may be overwritten by the result: each point is read before it is written.
    const bool two_results = all[i].code == Code::sine_and_cosine;
    const auto release = [&] {
      for (const std::size_t slot : ends[i]) {
        if (place[slot] >= 0) free.push_back(place[slot]);
      }
    };
    if (!two_results) release();
    for (Operand* o : {&all[i].out, &all[i].b}) {
      if (o->kind != Kind::slot || (o == &all[i].b && !two_results)) continue;
      const auto slot = static_cast<std::size_t>(o->place);
      if (place[slot] < 0) {
        if (free.empty()) free.push_back(used++);
        place[slot] = free.back();
        free.pop_back();
        if (last[slot] == i && !two_results) free.push_back(place[slot]);  // never read
      }
    }
    if (two_results) release();
    for (Operand* o : {&all[i].a, &all[i].b, &all[i].c, &all[i].out}) {
      if (o->kind == Kind::slot) o->place = place[static_cast<std::size_t>(o->place)];
    }
  }
  program.slots = used;
}

}  // namespace nabla::formula
