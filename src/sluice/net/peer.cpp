#include "sluice/net/peer.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::net {
namespace {

/// One end of a connection, as inet_diag writes it.
struct End {
  std::uint8_t family = AF_UNSPEC;
  std::array<std::uint32_t, 4> address{};  ///< in network order, as is the port
  std::uint16_t port = 0;

  [[nodiscard]] bool is_loopback() const {
    if (family == AF_INET) return (ntohl(address[0]) >> 24) == IN_LOOPBACKNET;
    return family == AF_INET6 && std::memcmp(address.data(), &in6addr_loopback, sizeof in6addr_loopback) == 0;
  }
};

/// An IPv4 address that is written as one of IPv6 becomes IPv4.
End end_of(const sockaddr_storage& name) {
  End end{.family = static_cast<std::uint8_t>(name.ss_family)};
  if (name.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &name, sizeof in);
    end.address[0] = in.sin_addr.s_addr;
    end.port = in.sin_port;
  } else if (name.ss_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &name, sizeof in);
    std::memcpy(end.address.data(), &in.sin6_addr, sizeof in.sin6_addr);
    end.port = in.sin6_port;
    if (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr)) {
      end.family = AF_INET;
      end.address = {end.address[3]};
    }
  }
  return end;
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

Fail unknown(int error) { return Fail(system_error("ask the kernel whose a connection is", error)); }

/// The owner of the socket that is at `from` and connected to `to`; nullopt: there is none.
Result<std::optional<uid_t>> user_of_socket(const End& from, const End& to) {
  const Descriptor netlink{socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)};
  if (netlink.fd < 0) return unknown(errno);
  struct {
    nlmsghdr head;
    inet_diag_req_v2 body;
  } request{};
  request.head = {.nlmsg_len = sizeof request,
                  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                  .nlmsg_flags = NLM_F_REQUEST,
                  .nlmsg_seq = 0,
                  .nlmsg_pid = 0};
  request.body.sdiag_family = from.family;
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states = ~0U;
  request.body.id.idiag_sport = from.port;
  request.body.id.idiag_dport = to.port;
  std::memcpy(request.body.id.idiag_src, from.address.data(), sizeof from.address);
  std::memcpy(request.body.id.idiag_dst, to.address.data(), sizeof to.address);
  request.body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
  request.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  if (send(netlink.fd, &request, sizeof request, 0) < 0) return unknown(errno);

  // The kernel has responded when `send` returns.
  alignas(nlmsghdr) std::array<char, 8192> buffer{};
  const auto size = recv(netlink.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size < 0) return unknown(errno);
  nlmsghdr head{};
  if (static_cast<std::size_t>(size) < sizeof head) return unknown(EPROTO);
  std::memcpy(&head, buffer.data(), sizeof head);
  const auto body = std::string_view(buffer.data(), static_cast<std::size_t>(size)).substr(NLMSG_HDRLEN);
  if (head.nlmsg_type == NLMSG_ERROR && body.size() >= sizeof(nlmsgerr)) {
    nlmsgerr error{};
    std::memcpy(&error, body.data(), sizeof error);
    if (error.error == -ENOENT) return std::optional<uid_t>();
    return unknown(-error.error);
  }
  if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY || body.size() < sizeof(inet_diag_msg)) return unknown(EPROTO);
  inet_diag_msg found{};
  std::memcpy(&found, body.data(), sizeof found);
  return std::optional<uid_t>(found.idiag_uid);
}

}  // namespace

Result<std::optional<uid_t>> user_of_peer(int connection) {
  sockaddr_storage here{};
  sockaddr_storage there{};
  socklen_t here_size = sizeof here;
  socklen_t there_size = sizeof there;
  if (getsockname(connection, reinterpret_cast<sockaddr*>(&here), &here_size) != 0 ||
      getpeername(connection, reinterpret_cast<sockaddr*>(&there), &there_size) != 0)
    return std::optional<uid_t>();
  const auto from = end_of(there);
  if (!from.is_loopback()) return std::optional<uid_t>();
  return user_of_socket(from, end_of(here));
}

Result<void> check_user_of_peer() {
  const End nowhere{.family = AF_INET, .address = {htonl(INADDR_LOOPBACK)}, .port = 0};
  SLUICE_TRY(nobody, user_of_socket(nowhere, nowhere));
  static_cast<void>(nobody);
  return {};
}

}  // namespace sluice::net
