#include "sluice/domain/ai/picture_embedding.hpp"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>

#include <fmt/format.h>

#include "sluice/base/log.hpp"

namespace sluice::ai {
namespace {

// Enough to keep all threads of a host busy, few enough that a request in between waits only briefly.
constexpr std::size_t in_flight_max = 12;
constexpr std::size_t bytes_in_flight_max = std::size_t{64} << 20;  // of several pictures; one may be larger
constexpr std::size_t picture_bytes_max = std::size_t{256} << 20;
constexpr std::int64_t columns_max = 1 << 20;

Error wrong_reply() {
  return internal_error(Code::internal, "the model host gave no features for a picture; see the server log");
}

}  // namespace

/// What was sent to a host and what it replied. Shared with the callbacks, which may outlive the embedding.
struct PictureEmbedding::Replies {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::deque<std::pair<std::size_t, Result<ports::HostResponse>>> received;
  std::map<std::size_t, std::size_t>
      in_flight;                    ///< pictures and their bytes; for the embedding's thread only
  std::size_t bytes_in_flight = 0;  ///< likewise
};

PictureEmbedding::PictureEmbedding(Parts parts) : parts_(std::move(parts)) {}
PictureEmbedding::~PictureEmbedding() = default;

/// Learns the number of columns from the host, and takes what is known.
Result<void> PictureEmbedding::begin(serving::HostLease& host) {
  Struct params;
  params.set("base", parts_.base.hex());
  SLUICE_TRY(loaded, serving::call_and_wait(host, "load_base", std::move(params), {}, parts_.cancel));
  const auto columns = loaded.result.integer_at("features");
  if (columns <= 0 || columns > columns_max) return Fail(wrong_reply());
  columns_ = static_cast<std::size_t>(columns);
  if (auto cache = FeatureCache::open(parts_.cache, columns_))
    cache_.emplace(std::move(*cache));
  else
    log::warning(cache.error().message + "; pictures are embedded without it");
  SLUICE_TRY(table, FeatureTable::make(parts_.out, parts_.pictures.size(), columns_));
  table_.emplace(std::move(table));
  std::vector<float> row(columns_);
  for (std::size_t i = 0; i < parts_.pictures.size(); ++i) {
    if (cache_ && cache_->find(parts_.pictures[i].digest, row)) {
      table_->set(i, row);
      ++done_;
    } else {
      left_.push_back(i);
    }
  }
  std::ranges::reverse(left_);
  return {};
}

Result<void> PictureEmbedding::continue_on(serving::HostLease& host) {
  if (!table_) SLUICE_DO(begin(host));
  replies_ = std::make_shared<Replies>();
  std::optional<Error> failure;
  while (!replies_->in_flight.empty() || (!left_.empty() && !failure)) {
    if (parts_.cancel.stop_requested()) return Fail(user_error(Code::cancelled, "embedding was cancelled"));
    while (!failure && !left_.empty() && replies_->in_flight.size() < in_flight_max) {
      const auto picture = left_.back();
      const auto size = static_cast<std::size_t>(std::max<std::int64_t>(0, parts_.pictures[picture].size));
      if (!replies_->in_flight.empty() && replies_->bytes_in_flight + size > bytes_in_flight_max) break;
      left_.pop_back();
      auto bytes = parts_.objects.get(parts_.pictures[picture].digest, picture_bytes_max);
      if (bytes)
        send(host, picture, std::move(*bytes));
      else
        cannot_read(picture, bytes.error().message);
    }
    if (replies_->in_flight.empty()) continue;
    std::unique_lock lock(replies_->mutex);
    replies_->changed.wait(lock, parts_.cancel, [this] { return !replies_->received.empty(); });
    auto received = std::exchange(replies_->received, {});
    lock.unlock();
    for (auto& [picture, reply] : received)
      if (auto taken = take(picture, std::move(reply)); !taken && !failure) failure = taken.error();
  }
  if (failure) return Fail(std::move(*failure));
  return {};
}

void PictureEmbedding::send(serving::HostLease& host, std::size_t picture, std::string bytes) {
  replies_->in_flight.emplace(picture, bytes.size());
  replies_->bytes_in_flight += bytes.size();
  Struct params;
  params.set("base", parts_.base.hex());
  params.set("sizes", List{static_cast<std::int64_t>(bytes.size())});
  host.call("embed_pictures", std::move(params), std::move(bytes),
            [replies = replies_, picture](Result<ports::HostResponse> reply) {
              const std::lock_guard lock(replies->mutex);
              replies->received.emplace_back(picture, std::move(reply));
              replies->changed.notify_all();
            });
}

/// The host is not trusted: its reply may be anything. A picture without a reply is one for the next host.
Result<void> PictureEmbedding::take(std::size_t picture, Result<ports::HostResponse> reply) {
  const auto sent = replies_->in_flight.extract(picture);
  replies_->bytes_in_flight -= sent.mapped();
  if (!reply) {
    left_.push_back(picture);
    return Fail(std::move(reply).error());
  }
  const auto* pictures = reply->result.find("pictures");
  if (pictures == nullptr || !pictures->is_list() || pictures->if_list()->size() != 1)
    return Fail(wrong_reply());
  if (const auto* error = pictures->if_list()->front().find("error")) {
    cannot_read(picture, error->text_at("message"));
    return {};
  }
  std::vector<float> row(columns_);
  if (reply->payload.size() != row.size() * sizeof(float)) return Fail(wrong_reply());
  std::memcpy(row.data(), reply->payload.data(), reply->payload.size());
  if (!std::ranges::all_of(row, [](float x) { return std::isfinite(x); })) return Fail(wrong_reply());
  table_->set(picture, row);
  if (cache_) cache_->add(parts_.pictures[picture].digest, row);
  count_one();
  return {};
}

void PictureEmbedding::cannot_read(std::size_t picture, std::string_view why) {
  problems_.emplace(picture, fmt::format("{}: {}", parts_.pictures[picture].path, why));
  count_one();
}

void PictureEmbedding::count_one() {
  parts_.report(static_cast<std::int64_t>(++done_), static_cast<std::int64_t>(parts_.pictures.size()),
                "pictures");
}

std::vector<std::string> PictureEmbedding::problems() const {
  std::vector<std::string> out;
  out.reserve(problems_.size());
  for (const auto& [picture, problem] : problems_) out.push_back(problem);
  return out;
}

Result<void> PictureEmbedding::finish() {
  std::vector<std::string> paths;
  paths.reserve(parts_.pictures.size());
  for (const auto& picture : parts_.pictures) paths.push_back(picture.path);
  return table_->finish(paths);
}

}  // namespace sluice::ai
