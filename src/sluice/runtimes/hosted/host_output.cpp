#include "sluice/runtimes/hosted/host_output.hpp"

#include <array>
#include <cerrno>
#include <string_view>

#include <fmt/format.h>
#include <unistd.h>

#include "sluice/base/log.hpp"
#include "sluice/base/words.hpp"

namespace sluice::runtimes {
namespace {

constexpr std::size_t line_bytes_max = 1000;
constexpr int lines_max = 200;
constexpr int reads_max = 16;  // in a row: a host that prints without end must not keep its responses waiting

}  // namespace

bool HostOutput::read(int pid) {
  std::array<char, 4096> buffer{};
  bool any = false;
  for (int i = 0; i < reads_max && pipe_; ++i) {
    const auto got = ::read(pipe_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) {
      pipe_.reset();
      break;
    }
    any = true;
    for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(got))) {
      if (c == '\n')
        add_line(pid);
      else if (line_.size() < line_bytes_max)
        line_.push_back(c);
    }
  }
  return any;
}

void HostOutput::finish(int pid) {
  if (!line_.empty()) add_line(pid);
}

void HostOutput::add_line(int pid) {
  auto text = as_utf8(std::exchange(line_, {}));
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  if (++lines_ > lines_max) return;
  log::warning(fmt::format("model host {}: {}{}", pid, text,
                           lines_ == lines_max ? " (the last line that is logged of this host)" : ""));
}

}  // namespace sluice::runtimes
