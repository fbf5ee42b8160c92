#include "sluice/host/embedder.hpp"

#include <algorithm>
#include <cmath>

namespace sluice::host {
namespace {

constexpr std::size_t batch_max = 16;
// A prepared picture takes 600 kB: decoders block while this many are waiting for the network.
constexpr std::size_t prepared_max = 2 * batch_max;

std::vector<float> unit_length(std::span<const float> row) {
  double squares = 0;
  for (const float x : row) squares += static_cast<double>(x) * x;
  const double length = std::max(std::sqrt(squares), 1e-12);
  std::vector<float> out;
  out.reserve(row.size());
  for (const float x : row) out.push_back(static_cast<float>(x / length));
  return out;
}

}  // namespace

Embedder::Embedder(std::shared_ptr<const BaseModel> base)
    : base_(std::move(base)),
      inference_([this] { infer(); }),
      decoding_(std::make_unique<TaskQueue>(std::max(2U, std::thread::hardware_concurrency()))) {}

Embedder::~Embedder() {
  decoding_.reset();
  const std::lock_guard lock(mutex_);
  closing_ = true;
  changed_.notify_all();
}

void Embedder::submit(Source source, Done done) {
  decoding_->submit(
      [this, source = std::move(source), done = std::move(done)]() mutable { prepare(source, done); });
}

void Embedder::prepare(Source& source, Done& done) {
  auto picture = source();
  if (!picture) return done(Fail(std::move(picture).error()));
  Prepared prepared{.input = std::vector<float>(base_->preprocessing.elements()), .done = std::move(done)};
  base_->preprocessing.apply(*picture, prepared.input);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return prepared_.size() < prepared_max; });
  prepared_.push_back(std::move(prepared));
  changed_.notify_all();
}

void Embedder::infer() {
  const auto in = base_->network->input_elements();
  const auto out = base_->network->output_elements();
  std::vector<float> inputs;
  std::vector<float> rows;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closing_ || !prepared_.empty(); });
    if (prepared_.empty()) return;
    std::vector<Prepared> batch;
    for (; !prepared_.empty() && batch.size() < batch_max; prepared_.pop_front())
      batch.push_back(std::move(prepared_.front()));
    changed_.notify_all();
    lock.unlock();
    inputs.resize(batch.size() * in);
    rows.resize(batch.size() * out);
    for (std::size_t i = 0; i < batch.size(); ++i)
      std::ranges::copy(batch[i].input, inputs.begin() + static_cast<std::ptrdiff_t>(i * in));
    const auto outcome = base_->network->run(inputs, rows);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (outcome)
        batch[i].done(unit_length(std::span(rows).subspan(i * out, out)));
      else
        batch[i].done(Fail(outcome.error()));
    }
    batch.clear();
    lock.lock();
  }
}

}  // namespace sluice::host
