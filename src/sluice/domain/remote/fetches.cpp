#include "sluice/domain/remote/fetches.hpp"

#include <algorithm>
#include <utility>

namespace sluice::remote {
namespace {

constexpr auto report_interval = std::chrono::milliseconds(500);

}  // namespace

Fetches::Fetch::State Fetches::Fetch::state() const {
  const std::scoped_lock lock(mutex_);
  return state_;
}

void Fetches::Fetch::notify_when_changed(std::uint64_t changes, std::move_only_function<void()> done) {
  {
    const std::scoped_lock lock(mutex_);
    if (state_.changes <= changes) {
      waiting_ = std::move(done);
      return;
    }
  }
  done();
}

void Fetches::Fetch::change(const std::function<void(State&)>& how) {
  std::move_only_function<void()> wake;
  {
    const std::scoped_lock lock(mutex_);
    how(state_);
    ++state_.changes;
    wake = std::exchange(waiting_, nullptr);
  }
  if (wake) wake();
}

Fetches::~Fetches() {
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
    for (const auto& fetch : waiting_) fetch->cancel();
    for (const auto& fetch : running_) fetch->cancel();
  }
  more_.notify_all();
  for (auto& thread : threads_) thread.join();
}

Result<std::shared_ptr<Fetches::Fetch>> Fetches::begin(RemoteFiles::Source source) {
  SLUICE_TRY(url, files_.check(source));
  auto fetch = std::make_shared<Fetch>();
  fetch->source_ = std::move(source);
  const std::scoped_lock lock(mutex_);
  std::erase_if(waiting_, [](const auto& each) { return each->stop_.stop_requested(); });
  if (waiting_.size() >= limits_.waiting_max)
    return Fail(
        environment_error(Code::exhausted, "too many files are waiting to be fetched; retry shortly"));
  waiting_.push_back(fetch);
  if (idle_ < waiting_.size() && threads_.size() < limits_.running_max)
    threads_.emplace_back([this] { work(); });
  more_.notify_one();
  return fetch;
}

void Fetches::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    more_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
    --idle_;
    if (waiting_.empty()) return;
    const auto fetch = std::move(waiting_.front());
    waiting_.pop_front();
    running_.push_back(fetch);
    lock.unlock();
    run(*fetch);
    lock.lock();
    std::erase(running_, fetch);
  }
}

void Fetches::run(Fetch& fetch) {
  auto reported = clock_.steady() - report_interval;
  const auto report = [&](std::int64_t received, std::optional<std::int64_t> total) {
    const auto now = clock_.steady();
    if (now - reported < report_interval) return;
    reported = now;
    fetch.change([&](Fetch::State& state) {
      state.received = received;
      state.total = total;
    });
  };
  auto result = files_.fetch(fetch.source_, report, fetch.stop_.get_token());
  fetch.change([&](Fetch::State& state) { state.result = std::move(result); });
}

}  // namespace sluice::remote
