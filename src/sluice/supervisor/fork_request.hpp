#pragma once
// What passes between the supervisor and the interpreters of `executors/process/call_function.py`: sockets
// that keep the bounds of messages, requests with descriptors, answers of one byte.
#include <optional>
#include <string>

#include <sys/types.h>

#include "sluice/ipc/supervisor/messages.hpp"
#include "sluice/os/files.hpp"

namespace sluice::supervisor {

/// What a fork needs to become its attempt.
std::string attempt_request(const Start& start);
/// What a fork needs to become a branch.
std::string branch_request(const Branch& branch);

struct SocketPair {
  os::UniqueFd ours;  ///< does not block
  os::UniqueFd theirs;
};
/// Nothing: there are too many descriptors.
std::optional<SocketPair> make_socket_pair();
/// The same; who answers is named by the kernel.
std::optional<SocketPair> make_channel();

/// Sends a request, with the log of an attempt or the control of a branch, and the end of a channel for the
/// answer. False: whoever should read it has ended, or has not read many.
bool send_request(int control, const std::string& request, int log_or_control, int channel);

struct Answer {
  char what = 0;  ///< 'F': a fork waits; 'T': it has threads; else: none will come
  pid_t pid = 0;  ///< of who sent it, as the kernel says
};
/// Nothing: not yet.
std::optional<Answer> receive_answer(int channel);
/// Lets a fork that has answered go on. False: it is gone.
bool let_go(int channel);

}  // namespace sluice::supervisor
