#include "sluice/domain/storage/marking.hpp"

#include <algorithm>

namespace sluice::storage {
namespace {

constexpr std::size_t digits = 64;

bool is_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

}  // namespace

void each_digest(std::string_view text, const std::function<void(const Digest&)>& take) {
  // From the last digit of a possible digest backwards: most texts are passed over 64 characters at a time.
  for (std::size_t begin = 0; begin + digits <= text.size();) {
    std::size_t last = begin + digits;
    while (last > begin && is_digit(text[last - 1])) --last;
    if (last > begin) {
      begin = last;
      continue;
    }
    std::size_t end = begin + digits;
    while (end < text.size() && is_digit(text[end])) ++end;
    if (end == begin + digits)
      if (const auto digest = Digest::from_hex(text.substr(begin, digits))) take(*digest);
    begin = end;
  }
}

Result<void> Marking::list(Time limit) {
  const auto recent = add_reason(Kind::recent, "it came, or somebody was told of it, within the last hour");
  std::vector<Digest> renewed;
  SLUICE_DO(objects_.each_object([&](const ports::ObjectInfo& object) -> Result<void> {
    all_.push_back({.digest = object.digest, .size = object.size});
    if (object.renewed > limit) renewed.push_back(object.digest);
    return {};
  }));
  std::ranges::sort(all_, {}, &Object::digest);
  for (const auto& digest : renewed) mark(digest, recent);
  return {};
}

Marking::Reason Marking::add_reason(Kind kind, std::string name) {
  reasons_.push_back({.kind = kind, .name = std::move(name)});
  return static_cast<Reason>(reasons_.size() - 1);
}

std::optional<std::size_t> Marking::find(const Digest& digest) const {
  const auto found = std::ranges::lower_bound(all_, digest, {}, &Object::digest);
  if (found == all_.end() || found->digest != digest) return std::nullopt;
  return static_cast<std::size_t>(found - all_.begin());
}

void Marking::mark_one(const Digest& digest, bool may_be_folder, Reason reason) {
  const auto at = find(digest);
  if (!at) return;
  auto& object = all_[*at];
  if (object.reason == 0) {
    object.reason = reason;
    marked_.push_back(*at);
    bytes_ += object.size;
  }
  if (!may_be_folder || object.entered) return;
  object.entered = true;
  entered_.push_back(*at);
  folders_.push_back(digest);
}

void Marking::drain(Reason reason) {
  while (!folders_.empty()) {
    const auto folder = folders_.back();
    folders_.pop_back();
    const auto parts = objects_.parts_of(folder);
    if (!parts) continue;
    for (const auto& file : parts->files) mark_one(file, false, reason);
    for (const auto& inner : parts->folders) mark_one(inner, true, reason);
  }
}

void Marking::mark(const Digest& digest, Reason reason) {
  mark_one(digest, true, reason);
  drain(reason);
  marked_.clear();
  entered_.clear();
  bytes_ = 0;
}

std::int64_t Marking::mark_text(std::string_view text, Reason reason) {
  return *mark_if_small(text, reason, INT64_MAX);
}

std::optional<std::int64_t> Marking::mark_if_small(std::string_view text, Reason reason,
                                                   std::int64_t bytes_max) {
  marked_.clear();
  entered_.clear();
  bytes_ = 0;
  each_digest(text, [&](const Digest& digest) { mark_one(digest, true, reason); });
  drain(reason);
  if (bytes_ <= bytes_max) return bytes_;
  for (const auto at : marked_) {
    all_[at].reason = 0;
    if (!std::exchange(all_[at].let_go, true)) let_go_.push_back(all_[at].digest);
  }
  for (const auto at : entered_) all_[at].entered = false;
  return std::nullopt;
}

void Marking::let_go(const Digest& digest) {
  if (const auto at = find(digest)) all_[*at].let_go = true;
}

}  // namespace sluice::storage
