#include "sluice/ipc/supervisor/codec.hpp"

#include <utility>

#include "sluice/ipc/supervisor/bytes.hpp"

namespace sluice::supervisor {
namespace {

// A message's type is its index in the variant. `put` writes the fields, `get` reads them in the same
// order.

void put(ByteWriter& out, const Hello& m) { out.integer(m.version); }
void get(ByteReader& in, Hello& m) { m.version = in.integer<std::uint32_t>(); }

void put(ByteWriter& out, const std::vector<Mount>& mounts) {
  out.integer(static_cast<std::uint32_t>(mounts.size()));
  for (const auto& mount : mounts) {
    out.text(mount.source);
    out.text(mount.target);
  }
}
void get(ByteReader& in, std::vector<Mount>& mounts) {
  for (auto left = in.integer<std::uint32_t>(); left > 0 && in.good(); --left) {
    Mount mount;
    mount.source = in.text();
    mount.target = in.text();
    mounts.push_back(std::move(mount));
  }
}

void put(ByteWriter& out, const Start& m) {
  out.text(m.fence);
  out.text(m.program);
  out.texts(m.argv);
  out.texts(m.env);
  out.text(m.cwd);
  out.text(m.log);
  out.integer(m.log_bytes_max);
  out.integer(m.memory_max);
  put(out, m.mounts);
  out.integer(m.branch.has_value());
  if (!m.branch) return;
  out.texts(m.branch->of.argv);
  out.texts(m.branch->of.env);
  put(out, m.branch->of.mounts);
  out.texts(m.branch->env);
  out.texts(m.branch->modules);
}
void get(ByteReader& in, Start& m) {
  m.fence = in.text();
  m.program = in.text();
  m.argv = in.texts();
  m.env = in.texts();
  m.cwd = in.text();
  m.log = in.text();
  m.log_bytes_max = in.integer<std::uint64_t>();
  m.memory_max = in.integer<std::uint64_t>();
  get(in, m.mounts);
  if (!in.boolean()) return;
  auto& branch = m.branch.emplace();
  branch.of.argv = in.texts();
  branch.of.env = in.texts();
  get(in, branch.of.mounts);
  branch.env = in.texts();
  branch.modules = in.texts();
}

void put(ByteWriter& out, const Cancel& m) {
  out.text(m.fence);
  out.integer(m.grace_ms);
}
void get(ByteReader& in, Cancel& m) {
  m.fence = in.text();
  m.grace_ms = in.integer<std::uint32_t>();
}

void put(ByteWriter& out, const List& m) {
  out.integer(m.since);
  out.integer(m.follow);
}
void get(ByteReader& in, List& m) {
  m.since = in.integer<std::uint64_t>();
  m.follow = in.boolean();
}

void put(ByteWriter& out, const Acknowledge& m) { out.texts(m.fences); }
void get(ByteReader& in, Acknowledge& m) { m.fences = in.texts(); }

void put(ByteWriter& out, const Shutdown& m) { out.integer(m.force); }
void get(ByteReader& in, Shutdown& m) { m.force = in.boolean(); }

void put(ByteWriter& out, const Welcome& m) {
  out.integer(m.version);
  out.integer(m.pid);
  out.integer(m.cgroups);
}
void get(ByteReader& in, Welcome& m) {
  m.version = in.integer<std::uint32_t>();
  m.pid = in.integer<std::uint32_t>();
  m.cgroups = in.boolean();
}

void put(ByteWriter& out, const Started& m) {
  out.text(m.fence);
  out.integer(m.pid);
}
void get(ByteReader& in, Started& m) {
  m.fence = in.text();
  m.pid = in.integer<std::uint32_t>();
}

void put(ByteWriter& out, const MountsRefused& m) {
  out.text(m.fence);
  out.integer(m.error);
}
void get(ByteReader& in, MountsRefused& m) {
  m.fence = in.text();
  m.error = in.integer<std::uint32_t>();
}

void put(ByteWriter& out, const Ended& m) {
  out.integer(m.number);
  out.text(m.fence);
  out.integer(m.kind);
  out.integer(m.status);
  out.integer(m.step);
  out.integer(m.cancelled);
  out.integer(m.started_ms);
  out.integer(m.ended_ms);
  out.integer(m.cpu_ms);
  out.integer(m.memory_peak);
  out.integer(m.memory_of_tree);
  out.integer(m.warm);
}
void get(ByteReader& in, Ended& m) {
  m.number = in.integer<std::uint64_t>();
  m.fence = in.text();
  m.kind = in.one_of(EndKind::memory);
  m.status = in.integer<std::int32_t>();
  m.step = in.one_of(Step::execute);
  m.cancelled = in.boolean();
  m.started_ms = in.integer<std::int64_t>();
  m.ended_ms = in.integer<std::int64_t>();
  m.cpu_ms = in.integer<std::int64_t>();
  m.memory_peak = in.integer<std::int64_t>();
  m.memory_of_tree = in.boolean();
  // Supervisors before protocol 3 wrote their logs without it.
  if (!in.done()) m.warm = in.one_of(Warm::no_fork);
}

void put(ByteWriter& out, const Holding& m) {
  out.texts(m.running);
  out.integer(m.last);
}
void get(ByteReader& in, Holding& m) {
  m.running = in.texts();
  m.last = in.integer<std::uint64_t>();
}

void put(ByteWriter& out, const Goodbye& m) {
  out.integer(m.ending);
  out.integer(m.running);
}
void get(ByteReader& in, Goodbye& m) {
  m.ending = in.boolean();
  m.running = in.integer<std::uint32_t>();
}

template <typename Message>
std::string encode_any(const Message& message) {
  ByteWriter out;
  out.integer(std::uint32_t{0});
  out.integer(static_cast<std::uint8_t>(message.index()));
  std::visit([&](const auto& m) { put(out, m); }, message);
  auto frame = std::move(out.bytes());
  auto length = static_cast<std::uint32_t>(frame.size() - 4);
  for (std::size_t i = 0; i < 4; ++i, length >>= 8) frame[i] = static_cast<char>(length & 0xff);
  return frame;
}

template <typename Message, std::size_t... I>
Result<Message> decode_any(std::string_view content, std::index_sequence<I...>) {
  ByteReader in(content);
  const auto index = in.integer<std::uint8_t>();
  Message message;
  const bool known = ((index == I && (get(in, message.template emplace<I>()), true)) || ...);
  if (!known || !in.done())
    return Fail(internal_error(Code::data_loss, "a malformed message of " + std::to_string(content.size()) +
                                                    " bytes (kind " + std::to_string(index) + ")"));
  return message;
}

}  // namespace

std::string encode(const Request& request) { return encode_any(request); }
std::string encode(const Response& response) { return encode_any(response); }
bool fits(const std::string& frame) { return frame.size() - 4 <= frame_bytes_max; }

Result<Request> decode_request(std::string_view content) {
  return decode_any<Request>(content, std::make_index_sequence<std::variant_size_v<Request>>{});
}
Result<Response> decode_response(std::string_view content) {
  return decode_any<Response>(content, std::make_index_sequence<std::variant_size_v<Response>>{});
}

Result<std::optional<std::string_view>> FrameReader::next() {
  const auto rest = std::string_view(buffer_).substr(used_);
  if (rest.size() >= 4) {
    const auto length = ByteReader(rest).integer<std::uint32_t>();
    if (length > frame_bytes_max)
      return Fail(internal_error(Code::data_loss, "a frame of " + std::to_string(length) +
                                                      " bytes, where at most " +
                                                      std::to_string(frame_bytes_max) + " are allowed"));
    if (rest.size() - 4 >= length) {
      used_ += 4 + length;
      return std::optional(rest.substr(4, length));
    }
  }
  buffer_.erase(0, used_);
  used_ = 0;
  return std::optional<std::string_view>();
}

}  // namespace sluice::supervisor
