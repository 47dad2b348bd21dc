#include "translate.hpp"

#include "pack_functions.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <numbers>

namespace nabla::formula {

namespace {

using Code = Instruction::Code;
using Kind = Operand::Kind;
using Value = LLVMValueRef;

/// One program as a loop over packs of points. Every instruction does to a pack what the interpreter does, so that both
/// give the same bits: no reassociation, a fused multiply-add where the program says so and nowhere else.
template <class T>
class Translator {
 public:
  Translator(LLVMContextRef context, const Program& program, const detail::Rows& rows, int pack_bytes)
      : program_(program),
        rows_(rows),
        context_(context),
        width_(static_cast<unsigned>(pack_bytes) / static_cast<unsigned>(sizeof(T))),
        functions_(*pack_functions(sizeof(T) == 4, pack_bytes)) {
    real_ = sizeof(T) == 8 ? api_.DoubleTypeInContext(context) : api_.FloatTypeInContext(context);
    pack_ = api_.VectorType(real_, width_);
    i64_ = api_.Int64TypeInContext(context);
    bytes_ = api_.PointerType(api_.Int8TypeInContext(context), 0);
  }

  LLVMModuleRef run() {
    module_ = api_.ModuleCreateWithNameInContext("formula", context_);
    builder_ = api_.CreateBuilderInContext(context_);
    LLVMTypeRef parameters[] = {bytes_, bytes_, i64_, i64_};
    function_ =
        api_.AddFunction(module_, "tile", api_.FunctionType(api_.VoidTypeInContext(context_), parameters, 4, 0));
    const std::string bits = std::to_string(width_ * sizeof(T) * 8);
    for (const char* const name : {"min-legal-vector-width", "prefer-vector-width"}) {
      set_attribute(name, bits);
    }
    entry_ = block("entry");
    at(entry_);
    read_tile();
    broadcast_scalars();
    for (std::int32_t slot = 0; slot < program_.slots; ++slot) slots_.push_back(api_.BuildAlloca(builder_, pack_, ""));
    for (Value& index : indices_) index = api_.BuildAlloca(builder_, i64_, "");
    if (uses_sincos()) both_ = api_.BuildAlloca(builder_, api_.VectorType(real_, 2 * width_), "");
    const Value first = api_.GetParam(function_, 2);
    const Value end = api_.BuildAdd(builder_, first, api_.GetParam(function_, 3), "");
    const Counter packs = begin_counter(first, whole_number(width_), end, LLVMIntSLT);
    point_ = packs.value;
    load_variables();
    for (std::size_t i = 0; i < program_.instructions.size(); ++i) instruction(program_.instructions[i]);
    copy_rows();
    end_counter(packs);
    api_.BuildRetVoid(builder_);
    api_.DisposeBuilder(builder_);
    return module_;
  }

 private:
  // --- small words for LLVM's long ones

  LLVMBasicBlockRef block(const char* name) { return api_.AppendBasicBlockInContext(context_, function_, name); }
  void at(LLVMBasicBlockRef where) { api_.PositionBuilderAtEnd(builder_, where); }
  Value whole_number(std::int64_t number) { return api_.ConstInt(i64_, static_cast<unsigned long long>(number), 1); }
  Value splat(T number) {
    std::vector<Value> lanes(width_, api_.ConstReal(real_, static_cast<double>(number)));
    return api_.ConstVector(lanes.data(), width_);
  }
  Value broadcast(Value number) {
    const Value zero = api_.ConstNull(api_.Int32TypeInContext(context_));
    const Value one = api_.BuildInsertElement(builder_, api_.GetUndef(pack_), number, zero, "");
    return api_.BuildShuffleVector(builder_, one, api_.GetUndef(pack_),
                                   api_.ConstNull(api_.VectorType(api_.Int32TypeInContext(context_), width_)), "");
  }
  void set_attribute(const std::string& name, const std::string& value) {
    api_.AddAttributeAtIndex(function_, static_cast<LLVMAttributeIndex>(LLVMAttributeFunctionIndex),
                             api_.CreateStringAttribute(context_, name.c_str(), static_cast<unsigned>(name.size()),
                                                        value.c_str(), static_cast<unsigned>(value.size())));
  }
  Value add(Value a, Value b) { return api_.BuildAdd(builder_, a, b, ""); }
  Value multiply(Value a, Value b) { return api_.BuildFMul(builder_, a, b, ""); }
  Value divide(Value a, Value b) { return api_.BuildFDiv(builder_, a, b, ""); }
  Value compare(LLVMRealPredicate predicate, Value a, Value b) { return api_.BuildFCmp(builder_, predicate, a, b, ""); }
  Value select(Value condition, Value yes, Value no) { return api_.BuildSelect(builder_, condition, yes, no, ""); }

  Value call(void* function, LLVMTypeRef result, std::vector<Value> arguments, std::vector<LLVMTypeRef> types) {
    const LLVMTypeRef type = api_.FunctionType(result, types.data(), static_cast<unsigned>(types.size()), 0);
    const Value address = api_.ConstIntToPtr(
        whole_number(static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(function))), api_.PointerType(type, 0));
    return api_.BuildCall2(builder_, type, address, arguments.data(), static_cast<unsigned>(arguments.size()), "");
  }
  Value call(Op op, const std::vector<Value>& arguments) {
    return call(functions_[op], pack_, arguments, std::vector<LLVMTypeRef>(arguments.size(), pack_));
  }
  Value intrinsic(const std::string& name, std::vector<Value> arguments) {
    LLVMTypeRef type = pack_;
    const Value found =
        api_.GetIntrinsicDeclaration(module_, api_.LookupIntrinsicID(name.c_str(), name.size()), &type, 1);
    std::vector<LLVMTypeRef> types(arguments.size(), pack_);
    return api_.BuildCall2(builder_, api_.FunctionType(pack_, types.data(), static_cast<unsigned>(types.size()), 0),
                           found, arguments.data(), static_cast<unsigned>(arguments.size()), "");
  }
  Value fma(Value a, Value b, Value c) { return intrinsic("llvm.fma", {a, b, c}); }

  /// Packs lie where single numbers may lie.
  Value load(Value address) {
    const Value loaded = api_.BuildLoad2(builder_, pack_, as_pack(address), "");
    api_.SetAlignment(loaded, sizeof(T));
    return loaded;
  }
  void store(Value x, Value address) { api_.SetAlignment(api_.BuildStore(builder_, x, as_pack(address)), sizeof(T)); }
  void store_past_caches(Value x, Value address) {
    const Value stored = api_.BuildStore(builder_, x, as_pack(address));
    api_.SetAlignment(stored, width_ * sizeof(T));
    LLVMMetadataRef one[] = {api_.ValueAsMetadata(api_.ConstInt(api_.Int32TypeInContext(context_), 1, 0))};
    constexpr char name[] = "nontemporal";
    api_.SetMetadata(stored, api_.GetMDKindIDInContext(context_, name, sizeof name - 1),
                     api_.MetadataAsValue(context_, api_.MDNodeInContext2(context_, one, 1)));
  }
  Value as_pack(Value address) { return api_.BuildBitCast(builder_, address, api_.PointerType(pack_, 0), ""); }
  Value offset(Value address, Value numbers) { return api_.BuildGEP2(builder_, real_, address, &numbers, 1, ""); }

  /// A loop over begin, begin + step, … while (counter, end) holds; its body may have blocks of its own.
  struct Counter {
    Value value, step, end;
    LLVMIntPredicate holds;
    LLVMBasicBlockRef head, after;
  };
  Counter begin_counter(Value begin, Value step, Value end, LLVMIntPredicate holds) {
    const LLVMBasicBlockRef before = api_.GetInsertBlock(builder_);
    Counter c{nullptr, step, end, holds, block("loop"), block("after")};
    api_.BuildCondBr(builder_, api_.BuildICmp(builder_, holds, begin, end, ""), c.head, c.after);
    at(c.head);
    c.value = api_.BuildPhi(builder_, i64_, "");
    LLVMBasicBlockRef from[] = {before};
    api_.AddIncoming(c.value, &begin, from, 1);
    return c;
  }
  void end_counter(const Counter& c) {
    Value next = add(c.value, c.step);
    LLVMBasicBlockRef last[] = {api_.GetInsertBlock(builder_)};
    api_.AddIncoming(c.value, &next, last, 1);
    api_.BuildCondBr(builder_, api_.BuildICmp(builder_, c.holds, next, c.end, ""), c.head, c.after);
    at(c.after);
  }

  // --- before the loop over packs

  Value member(LLVMTypeRef type, std::size_t place) {
    Value bytes = whole_number(static_cast<std::int64_t>(place));
    const Value address =
        api_.BuildGEP2(builder_, api_.Int8TypeInContext(context_), api_.GetParam(function_, 0), &bytes, 1, "");
    return api_.BuildLoad2(builder_, type, api_.BuildBitCast(builder_, address, api_.PointerType(type, 0), ""), "");
  }
  void read_tile() {
    using Tile = detail::Tile<T>;
    const LLVMTypeRef numbers = api_.PointerType(real_, 0);
    const auto read = [&](std::size_t data, std::size_t stride) {
      return Strided{member(numbers, data), member(i64_, stride)};
    };
    in_ = read(offsetof(Tile, in), offsetof(Tile, in_stride));
    extra_ = read(offsetof(Tile, extra), offsetof(Tile, extra_stride));
    std::int64_t begin = 0;
    for (std::size_t g = 0; g < detail::max_groups; ++g) {
      begins_[g] = begin;
      begin += rows_.group[g];
      if (rows_.group[g] == 0) continue;
      out_[g] = read(offsetof(Tile, out) + g * sizeof(T*), offsetof(Tile, out_stride) + g * sizeof(std::int64_t));
      copy_[g] = read(offsetof(Tile, copy) + g * sizeof(T*), offsetof(Tile, copy_stride) + g * sizeof(std::int64_t));
    }
  }
  void broadcast_scalars() {
    const Value values = api_.BuildBitCast(builder_, api_.GetParam(function_, 1),
                                           api_.PointerType(api_.DoubleTypeInContext(context_), 0), "");
    for (const Scalar& s : program_.scalars) {
      if (s.parameter < 0) {
        scalars_.push_back(splat(static_cast<T>(s.number)));
        continue;
      }
      Value place = whole_number(s.parameter);
      const LLVMTypeRef wide = api_.DoubleTypeInContext(context_);
      Value number = api_.BuildLoad2(builder_, wide, api_.BuildGEP2(builder_, wide, values, &place, 1, ""), "");
      if (sizeof(T) == 4) number = api_.BuildFPTrunc(builder_, number, real_, "");
      scalars_.push_back(broadcast(number));
    }
  }
  bool uses_sincos() const {
    for (const Instruction& i : program_.instructions) {
      if (i.code == Code::sine_and_cosine) return true;
    }
    return false;
  }

  // --- inside it

  struct Strided {
    Value data = nullptr, stride = nullptr;
  };

  /// Variables that stay where they are are read once: stores between uses would make the compiler read them again.
  void load_variables() {
    constexpr std::size_t most = 16;  // in registers or near them
    std::map<std::pair<Kind, std::int64_t>, Value> found;
    for (const Instruction& i : program_.instructions) {
      for (const Operand& o : {i.a, i.b, i.c}) {
        if (o.kind != Kind::variable && o.kind != Kind::direction) continue;
        const Whole& component = program_.whole(o);
        if (component.terms == 0) found.try_emplace({o.kind, component.constant});
      }
    }
    if (found.size() > most) return;
    for (auto& [which, value] : found)
      value = load(number_at(which.first == Kind::variable ? in_ : extra_, whole_number(which.second)));
    loaded_ = std::move(found);
  }

  Value whole(const Whole& w) {
    Value sum = whole_number(w.constant);
    for (const auto& [level, coefficient] : program_.terms_of(w)) {
      const Value index = api_.BuildLoad2(builder_, i64_, indices_[static_cast<std::size_t>(level)], "");
      sum = add(sum, coefficient == 1 ? index : api_.BuildMul(builder_, index, whole_number(coefficient), ""));
    }
    return sum;
  }
  Value number_at(const Strided& rows, Value row) {
    return offset(offset(rows.data, api_.BuildMul(builder_, row, rows.stride, "")), point_);
  }
  Value row_address(const Operand& o) {
    const Whole& row = program_.whole(o);
    if (row.terms == 0) {
      const std::size_t g = group_of(row.constant);
      return number_at(out_[g], whole_number(row.constant - begins_[g]));
    }
    // The group is the same in all repetitions but known only by the number.
    const Value number = whole(row);
    Value address = nullptr;
    for (std::size_t g = 0; g < detail::max_groups; ++g) {
      if (rows_.group[g] == 0) continue;
      const Value here = number_at(out_[g], add(number, whole_number(-begins_[g])));
      address = address == nullptr
                    ? here
                    : select(api_.BuildICmp(builder_, LLVMIntSGE, number, whole_number(begins_[g]), ""), here, address);
    }
    return address;
  }
  std::size_t group_of(std::int64_t row) const {
    std::size_t g = 0;
    while (g + 1 < detail::max_groups && row >= begins_[g] + rows_.group[g]) ++g;
    return g;
  }

  Value read(const Operand& o) {
    switch (o.kind) {
      case Kind::slot:
        return api_.BuildLoad2(builder_, pack_, slots_[static_cast<std::size_t>(o.place)], "");
      case Kind::scalar:
        return scalars_[static_cast<std::size_t>(o.place)];
      case Kind::index:
        return broadcast(api_.BuildSIToFP(
            builder_, api_.BuildLoad2(builder_, i64_, indices_[static_cast<std::size_t>(o.place)], ""), real_, ""));
      case Kind::variable:
      case Kind::direction: {
        const Whole& component = program_.whole(o);
        const auto once = loaded_.find({o.kind, component.constant});
        if (component.terms == 0 && once != loaded_.end()) return once->second;
        return load(number_at(o.kind == Kind::variable ? in_ : extra_, whole(component)));
      }
      case Kind::row:
        return load(row_address(o));
      case Kind::none:
        break;
    }
    return nullptr;
  }
  void write(const Operand& o, Value x) {
    if (o.kind == Kind::slot) {
      api_.BuildStore(builder_, x, slots_[static_cast<std::size_t>(o.place)]);
    } else {
      store(x, row_address(o));
    }
  }

  void instruction(const Instruction& i) {
    switch (i.code) {
      case Code::loop: {
        const Loop& loop = program_.loop(i);
        open_.push_back(begin_counter(whole(loop.lower), whole_number(1), whole(loop.upper), LLVMIntSLE));
        api_.BuildStore(builder_, open_.back().value, indices_[static_cast<std::size_t>(loop.level)]);
        return;
      }
      case Code::end:
        end_counter(open_.back());
        open_.pop_back();
        return;
      case Code::sine_and_cosine:
        return sine_and_cosine(i);
      default:
        return write(i.out, result(i));
    }
  }
  Value result(const Instruction& i) {
    const Value a = read(i.a), b = read(i.b), c = read(i.c);
    switch (i.code) {
      case Code::operation:
        return operation(i.op, a, b);
      case Code::choice:
        return select(compare(LLVMRealOEQ, a, splat(T(0))), c, b);
      case Code::whole_power:
        return whole_power(a, i.exponent);
      case Code::multiply_add:
        return fma(a, b, c);
      case Code::multiply_subtract:
        return fma(a, b, api_.BuildFNeg(builder_, c, ""));
      case Code::negate_multiply_add:
        return fma(api_.BuildFNeg(builder_, a, ""), b, c);
      case Code::accumulate:
        return api_.BuildFAdd(builder_, read(i.out), a, "");
      case Code::multiply_up:
        return multiply(read(i.out), a);
      default:  // copy
        return a;
    }
  }
  void sine_and_cosine(const Instruction& i) {
    const Value pair = api_.BuildBitCast(builder_, both_, bytes_, "");
    call(functions_.sincos, api_.VoidTypeInContext(context_), {pair, read(i.a)}, {bytes_, pack_});
    const Value both = api_.BuildBitCast(builder_, both_, api_.PointerType(pack_, 0), "");
    Value one = whole_number(1);
    const auto part = [&](Value address) { return api_.BuildLoad2(builder_, pack_, address, ""); };
    const Value sine = part(both), cosine = part(api_.BuildGEP2(builder_, pack_, both, &one, 1, ""));
    write(i.out, sine);
    write(i.b, cosine);
  }
  /// The steps of detail::whole_power.
  Value whole_power(Value x, std::int32_t exponent) {
    std::int32_t n = exponent < 0 ? -exponent : exponent;
    Value power = nullptr;  // 1
    for (Value square = x;; square = multiply(square, square)) {
      if ((n & 1) != 0) power = power == nullptr ? square : multiply(power, square);
      n >>= 1;
      if (n == 0) break;
    }
    if (power == nullptr) power = splat(T(1));
    return exponent < 0 ? divide(splat(T(1)), power) : power;
  }
  Value extreme(LLVMRealPredicate better, Value a, Value b) {
    const Value unordered = api_.BuildFAdd(builder_, a, b, "");
    return select(compare(better, b, a), b, select(compare(LLVMRealOEQ, b, b), a, unordered));
  }
  Value truth(LLVMRealPredicate predicate, Value a, Value b) {
    return select(compare(predicate, a, b), splat(T(1)), splat(T(0)));
  }
  Value with_far(Op op, Value x) {
    const Value size = is_one_sided(op) ? x : intrinsic("llvm.fabs", {x});
    const Value near = call(op, {x});
    const Value far = compare(LLVMRealOGT, size, splat(far_from<T>(op)));
    const LLVMTypeRef lanes = api_.IntTypeInContext(context_, width_);
    const Value any =
        api_.BuildICmp(builder_, LLVMIntNE, api_.BuildBitCast(builder_, far, lanes, ""), api_.ConstNull(lanes), "");
    const LLVMBasicBlockRef before = api_.GetInsertBlock(builder_), rare = block("far"), after = block("");
    api_.BuildCondBr(builder_, any, rare, after);
    at(rare);
    Value large = nullptr;
    if (op == Op::sinh || op == Op::cosh) {
      const Value root = call(Op::exp, {multiply(splat(T(0.5)), size)});
      large = multiply(multiply(splat(T(0.5)), root), root);
    } else {
      large = call(Op::log, {size});
      if (op != Op::log1p) large = api_.BuildFAdd(builder_, large, splat(std::numbers::ln2_v<T>), "");
    }
    if (is_odd_far(op)) {
      large = select(compare(LLVMRealOLT, x, splat(T(0))), api_.BuildFNeg(builder_, large, ""), large);
    }
    const Value mixed = select(far, large, near);
    api_.BuildBr(builder_, after);
    at(after);
    const Value joined = api_.BuildPhi(builder_, pack_, "");
    Value from[] = {near, mixed};
    LLVMBasicBlockRef blocks[] = {before, rare};
    api_.AddIncoming(joined, from, blocks, 2);
    return joined;
  }

  Value operation(Op op, Value a, Value b) {
    const auto zero = [&] { return splat(T(0)); };
    switch (op) {
      case Op::negate:
        return api_.BuildFNeg(builder_, a, "");
      case Op::add:
        return api_.BuildFAdd(builder_, a, b, "");
      case Op::subtract:
        return api_.BuildFSub(builder_, a, b, "");
      case Op::multiply:
        return multiply(a, b);
      case Op::divide:
        return divide(a, b);
      case Op::guarded_multiply: {
        const Value either =
            api_.BuildOr(builder_, compare(LLVMRealOEQ, a, zero()), compare(LLVMRealOEQ, b, zero()), "");
        return select(either, zero(), multiply(a, b));
      }
      case Op::sqrt:
        return intrinsic("llvm.sqrt", {a});
      case Op::abs:
        return intrinsic("llvm.fabs", {a});
      case Op::sign: {
        const Value below = select(compare(LLVMRealOLT, a, zero()), splat(T(-1)),
                                   select(compare(LLVMRealOEQ, a, zero()), zero(), a));  // keeps NaN
        return select(compare(LLVMRealOGT, a, zero()), splat(T(1)), below);
      }
      case Op::less:
        return truth(LLVMRealOLT, a, b);
      case Op::less_equal:
        return truth(LLVMRealOLE, a, b);
      case Op::greater:
        return truth(LLVMRealOGT, a, b);
      case Op::greater_equal:
        return truth(LLVMRealOGE, a, b);
      case Op::equal:
        return truth(LLVMRealOEQ, a, b);
      case Op::not_equal:
        return truth(LLVMRealUNE, a, b);
      case Op::min:
        return extreme(LLVMRealOLT, a, b);
      case Op::max:
        return extreme(LLVMRealOGT, a, b);
      case Op::power:
        return select(compare(LLVMRealOEQ, b, splat(T(1))), a, call(op, {a, b}));
      default:
        if (needs_far(op)) return with_far(op, a);
        return b == nullptr ? call(op, {a}) : call(op, {a, b});
    }
  }

  /// What goes past the caches, once the pack is done.
  void copy_rows() {
    for (std::size_t g = 0; g < detail::max_groups; ++g) {
      if (rows_.group[g] == 0) continue;
      const LLVMBasicBlockRef copies = block("copies"), after = block("");
      const Value none = api_.ConstNull(api_.PointerType(real_, 0));
      api_.BuildCondBr(builder_, api_.BuildICmp(builder_, LLVMIntNE, copy_[g].data, none, ""), copies, after);
      at(copies);
      constexpr std::int64_t most_at_once = 8;
      if (rows_.group[g] <= most_at_once) {
        for (std::int64_t row = 0; row < rows_.group[g]; ++row) copy_row(g, whole_number(row));
      } else {
        const Counter rows = begin_counter(whole_number(0), whole_number(1), whole_number(rows_.group[g]), LLVMIntSLT);
        copy_row(g, rows.value);
        end_counter(rows);
      }
      api_.BuildBr(builder_, after);
      at(after);
    }
  }
  void copy_row(std::size_t g, Value row) {
    store_past_caches(load(number_at(out_[g], row)), number_at(copy_[g], row));
  }

  const Program& program_;
  const detail::Rows& rows_;
  const Llvm& api_ = llvm();
  LLVMContextRef context_;
  unsigned width_;
  const PackFunctions& functions_;
  LLVMTypeRef real_, pack_, i64_, bytes_;
  LLVMModuleRef module_ = nullptr;
  LLVMBuilderRef builder_ = nullptr;
  Value function_ = nullptr, point_ = nullptr, both_ = nullptr;
  LLVMBasicBlockRef entry_ = nullptr;
  Strided in_, extra_;
  std::array<Strided, detail::max_groups> out_, copy_;
  std::array<std::int64_t, detail::max_groups> begins_{};
  std::vector<Value> scalars_, slots_;
  std::array<Value, most_levels> indices_{};
  std::vector<Counter> open_;
  std::map<std::pair<Kind, std::int64_t>, Value> loaded_;
};

}  // namespace

template <class T>
LLVMModuleRef translate(LLVMContextRef context, const Program& program, const detail::Rows& rows, int pack_bytes) {
  return Translator<T>(context, program, rows, pack_bytes).run();
}
template LLVMModuleRef translate<float>(LLVMContextRef, const Program&, const detail::Rows&, int);
template LLVMModuleRef translate<double>(LLVMContextRef, const Program&, const detail::Rows&, int);

}  // namespace nabla::formula
