#include "sluice/stores/sqlite/run_record.hpp"

#include <cstring>

namespace sluice::stores::sqlite {
namespace {

// The first byte: another form gets another one.
constexpr char form = 1;

class RecordWriter {
 public:
  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) out_.push_back(static_cast<char>(value | 0x80U));
    out_.push_back(static_cast<char>(value));
  }
  void fixed(std::int64_t value) { bytes(&value, sizeof value); }
  void fixed(double value) { bytes(&value, sizeof value); }
  void text(std::string_view value) {
    number(value.size());
    out_ += value;
  }
  void pairs(const std::vector<ports::KeyValue>& pairs) {
    number(pairs.size());
    for (const auto& pair : pairs) {
      text(pair.key);
      text(pair.value);
    }
  }
  void uses(const std::vector<ports::ModelUse>& uses) {
    number(uses.size());
    for (const auto& use : uses) {
      text(use.model);
      fixed(use.step);
    }
  }
  std::string take() { return std::move(out_); }

 private:
  void bytes(const void* value, std::size_t size) { out_.append(static_cast<const char*>(value), size); }
  std::string out_{form};
};

/// Once something is wrong, everything that follows is 0 or empty.
class RecordReader {
 public:
  explicit RecordReader(std::string_view bytes) : left_(bytes) {
    if (left_.empty() || left_.front() != form)
      fail();
    else
      left_.remove_prefix(1);
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (left_.empty()) break;
      const auto byte = static_cast<unsigned char>(left_.front());
      left_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    fail();
    return 0;
  }
  /// Of entries that take at least so many bytes each.
  std::size_t count(std::size_t bytes_each) {
    const auto value = number();
    if (value <= left_.size() / bytes_each) return static_cast<std::size_t>(value);
    fail();
    return 0;
  }
  template <typename T>
  T fixed() {
    T value{};
    if (left_.size() < sizeof value) {
      fail();
      return value;
    }
    std::memcpy(&value, left_.data(), sizeof value);
    left_.remove_prefix(sizeof value);
    return value;
  }
  std::string text() {
    const auto size = count(1);
    std::string value(left_.substr(0, size));
    left_.remove_prefix(size);
    return value;
  }
  void pairs(std::vector<ports::KeyValue>& out) {
    const auto size = count(2);
    out.reserve(size);
    for (std::size_t i = 0; i < size; ++i) {
      auto& pair = out.emplace_back();
      pair.key = text();
      pair.value = text();
    }
  }
  void uses(std::vector<ports::ModelUse>& out) {
    for (auto size = count(9); size > 0; --size) {
      auto& use = out.emplace_back();
      use.model = text();
      use.step = fixed<std::int64_t>();
    }
  }
  [[nodiscard]] bool is_whole() const { return !failed_ && left_.empty(); }

 private:
  void fail() {
    failed_ = true;
    left_ = {};
  }
  std::string_view left_;
  bool failed_ = false;
};

}  // namespace

std::string record_of(const ports::TrackedRun& run) {
  RecordWriter out;
  out.number(run.metrics.size());
  for (const auto& [key, point] : run.metrics) {
    out.text(key);
    out.fixed(point.step);
    out.fixed(point.at_ms);
    out.fixed(point.value);
  }
  out.pairs(run.parameters);
  out.pairs(run.tags);
  out.number(run.datasets.size());
  for (const auto& input : run.datasets) {
    for (const auto* text :
         {&input.name, &input.digest, &input.source_type, &input.source, &input.schema, &input.profile})
      out.text(*text);
    out.pairs(input.tags);
  }
  out.uses(run.model_inputs);
  out.uses(run.model_outputs);
  return out.take();
}

Result<void> read_record(std::string_view record, ports::TrackedRun& run) {
  RecordReader in(record);
  const auto metrics = in.count(25);
  run.metrics.reserve(metrics);
  for (std::size_t i = 0; i < metrics; ++i) {
    auto& [key, point] = run.metrics.emplace_back();
    key = in.text();
    point.step = in.fixed<std::int64_t>();
    point.at_ms = in.fixed<std::int64_t>();
    point.value = in.fixed<double>();
  }
  in.pairs(run.parameters);
  in.pairs(run.tags);
  for (auto datasets = in.count(7); datasets > 0; --datasets) {
    auto& input = run.datasets.emplace_back();
    for (auto* text :
         {&input.name, &input.digest, &input.source_type, &input.source, &input.schema, &input.profile})
      *text = in.text();
    in.pairs(input.tags);
  }
  in.uses(run.model_inputs);
  in.uses(run.model_outputs);
  if (in.is_whole()) return {};
  return Fail(internal_error(Code::data_loss, "what was logged to run " + run.id + " is damaged"));
}

}  // namespace sluice::stores::sqlite
