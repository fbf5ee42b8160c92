#include "sluice/supervisor/fork_request.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sluice/os/tree.hpp"
#include "sluice/supervisor/launch.hpp"

namespace sluice::supervisor {
namespace {

/// Texts that each end in NUL; a list is its size and its elements.
class Texts {
 public:
  explicit Texts(const std::string& kind) {
    add(kind);
    add(std::to_string(getpid()));
  }
  void add(const std::string& text) { out_.append(text).push_back('\0'); }
  void add(const std::vector<std::string>& texts) {
    add(std::to_string(texts.size()));
    for (const auto& text : texts) add(text);
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

/// A file in memory: a request may be larger than what a socket takes at once.
os::UniqueFd file_of(const std::string& request) {
  os::UniqueFd file(memfd_create("request", MFD_CLOEXEC));
  if (!file || !os::write_fd(file.get(), request)) return {};
  return file;
}

}  // namespace

std::string attempt_request(const Start& start) {
  Texts out("attempt");
  out.add(std::to_string(os::tree_mark(tree_id(start.fence))));
  out.add(start.cwd);
  out.add(start.program);
  out.add(start.argv);
  auto env = start.env;
  env.push_back("SLUICE_ATTEMPT=" + start.fence);
  out.add(env);
  std::vector<std::string> mounts;
  for (const auto& mount : start.mounts) {
    // What the interpreter sees already, its forks see too.
    const auto& seen = start.branch->of.mounts;
    if (std::ranges::find(seen, mount) != seen.end()) continue;
    mounts.push_back(mount.source);
    mounts.push_back(mount.target);
  }
  out.add(mounts);
  return out.take();
}

std::string branch_request(const Branch& branch) {
  Texts out("branch");
  out.add(branch.env);
  out.add(branch.modules);
  return out.take();
}

std::optional<SocketPair> make_socket_pair() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return std::nullopt;
  SocketPair pair{.ours = os::UniqueFd(ends[0]), .theirs = os::UniqueFd(ends[1])};
  const int flags = fcntl(pair.ours.get(), F_GETFL);
  if (flags < 0 || fcntl(pair.ours.get(), F_SETFL, flags | O_NONBLOCK) != 0) return std::nullopt;
  return pair;
}

std::optional<SocketPair> make_channel() {
  auto pair = make_socket_pair();
  constexpr int on = 1;
  if (!pair || setsockopt(pair->ours.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
    return std::nullopt;
  return pair;
}

bool send_request(int control, const std::string& request, int log_or_control, int channel) {
  const auto file = file_of(request);
  if (!file) return false;
  const std::array<int, 3> descriptors{file.get(), log_or_control, channel};
  char byte = 'A';
  iovec bytes{.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof descriptors)> buffer{};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = buffer.data();
  message.msg_controllen = buffer.size();
  auto* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof descriptors);
  std::memcpy(CMSG_DATA(part), descriptors.data(), sizeof descriptors);
  return sendmsg(control, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

std::optional<Answer> receive_answer(int channel) {
  Answer answer;
  iovec bytes{.iov_base = &answer.what, .iov_len = 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> buffer{};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = buffer.data();
  message.msg_controllen = buffer.size();
  const auto got = recvmsg(channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  if (got <= 0) return Answer{};
  for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS) continue;
    ucred who{};
    std::memcpy(&who, CMSG_DATA(part), sizeof who);
    answer.pid = who.pid;
  }
  return answer;
}

bool let_go(int channel) {
  constexpr char byte = 'G';
  return ::send(channel, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

}  // namespace sluice::supervisor
