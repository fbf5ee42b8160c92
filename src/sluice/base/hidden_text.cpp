#include "sluice/base/hidden_text.hpp"

#include <algorithm>
#include <functional>

namespace sluice {

HiddenText::HiddenText(std::vector<std::string> hidden) : hidden_(std::move(hidden)) {
  std::erase_if(hidden_, [](const auto& text) { return text.size() < hidden_bytes_min; });
  std::ranges::sort(hidden_, std::greater{}, &std::string::size);
  for (const auto& text : hidden_) begins_[static_cast<unsigned char>(text.front())] = true;
}

std::string HiddenText::add(std::string_view piece) {
  if (hidden_.empty()) return std::string(piece);
  kept_ += piece;
  return settle(false);
}

std::string HiddenText::finish() { return settle(true); }

std::string HiddenText::settle(bool is_end) {
  std::string out;
  std::string_view rest = kept_;
  while (!rest.empty()) {
    const auto next =
        std::ranges::find_if(rest, [this](char c) { return begins_[static_cast<unsigned char>(c)]; });
    const auto plain = static_cast<std::size_t>(next - rest.begin());
    out += rest.substr(0, plain);
    rest.remove_prefix(plain);
    if (rest.empty()) break;
    const bool may_go_on = !is_end && std::ranges::any_of(hidden_, [rest](const auto& text) {
      return text.size() > rest.size() && text.starts_with(rest);
    });
    if (may_go_on) break;
    const auto found =
        std::ranges::find_if(hidden_, [rest](const auto& text) { return rest.starts_with(text); });
    out += found != hidden_.end() ? std::string_view("***") : rest.substr(0, 1);
    rest.remove_prefix(found != hidden_.end() ? found->size() : 1);
  }
  kept_ = std::string(rest);
  return out;
}

std::string hide(std::string_view text, const std::vector<std::string>& hidden) {
  HiddenText all(hidden);
  auto out = all.add(text);
  return out += all.finish();
}

}  // namespace sluice
