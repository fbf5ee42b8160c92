#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// The messages between the server and the supervisor of a data folder. Plain data; see README.md for the
/// sequence.
namespace sluice::supervisor {

/// Differs after every change of a message. `Hello`, `Welcome`, `Shutdown` and `Goodbye` never change.
inline constexpr std::uint32_t protocol_version = 4;

/// Limits that both sides check.
inline constexpr std::size_t frame_bytes_max = std::size_t{4} << 20;
inline constexpr std::size_t fence_bytes_max = 512;
inline constexpr std::size_t running_max = 4096;  ///< attempts at once: what Holding can list
inline constexpr std::size_t mounts_max = 4096;

struct Mount {
  std::string source;
  std::string target;  ///< exists, and is a file or a folder as the source is
  bool operator==(const Mount&) const = default;
};

// Requests

/// First on every connection.
struct Hello {
  std::uint32_t version = protocol_version;
  bool operator==(const Hello&) const = default;
};
/// What a warm interpreter is started with, in the program of its attempts.
struct Interpreter {
  std::vector<std::string> argv;
  std::vector<std::string> env;
  std::vector<Mount> mounts;  ///< those of its attempts that are common to all
  bool operator==(const Interpreter&) const = default;
};
/// A fork of an interpreter that has set variables and imported modules, and forks for each attempt that asks
/// for an equal one.
struct Branch {
  Interpreter of;
  std::vector<std::string> env;
  std::vector<std::string> modules;
  bool operator==(const Branch&) const = default;
};
/// Starts an attempt, once. The response is Started; or Ended, if it ended before or could not be executed;
/// or MountsRefused.
struct Start {
  std::string fence;
  std::string program;  ///< a path: PATH is not searched
  std::vector<std::string> argv;
  std::vector<std::string> env;  ///< "NAME=value", complete; SLUICE_ATTEMPT is added if it is missing
  std::string cwd;
  std::string log;                  ///< the file for standard output and error; created if missing
  std::uint64_t log_bytes_max = 0;  ///< the attempt is killed when its log exceeds this
  std::uint64_t memory_max = 0;     ///< bytes of all its processes together; 0: no limit
  std::vector<Mount> mounts;        ///< read-only, and visible to this attempt alone
  /// Whose fork is to run it, if it can fork in time; nothing, or else: `program` is executed.
  std::optional<Branch> branch = {};
  bool operator==(const Start&) const = default;
};
/// SIGTERM to the whole tree, after `grace_ms` SIGKILL. No response but the Ended that follows; unknown
/// fences are ignored.
struct Cancel {
  std::string fence;
  std::uint32_t grace_ms = 0;
  bool operator==(const Cancel&) const = default;
};
/// Asks what is running, and what ended after number `since`. The response is an Ended for each end, then
/// Holding. With `follow`, every later end is sent on this connection too, and the connection that followed
/// before is closed, with its unread requests: its server died, or has reconnected.
struct List {
  std::uint64_t since = 0;
  bool follow = false;
  bool operator==(const List&) const = default;
};
/// The outcomes of these are stored elsewhere, so they can be forgotten. Fences that are still running are
/// ignored. No response.
struct Acknowledge {
  std::vector<std::string> fences;
  bool operator==(const Acknowledge&) const = default;
};
/// Exit, if nothing is running or if `force` (which kills what is running). The response is Goodbye.
struct Shutdown {
  bool force = false;
  bool operator==(const Shutdown&) const = default;
};
using Request = std::variant<Hello, Start, Cancel, List, Acknowledge, Shutdown>;

// Responses

struct Welcome {
  std::uint32_t version = protocol_version;
  std::uint32_t pid = 0;
  bool cgroups = false;  ///< process trees are held by cgroups
  bool operator==(const Welcome&) const = default;
};
struct Started {
  std::string fence;
  std::uint32_t pid = 0;  ///< 0: it waits for the fork of a warm interpreter
  bool operator==(const Started&) const = default;
};
/// A private mount namespace or a bind mount was refused (`error`: an errno). Nothing ran; the fence may be
/// started again.
struct MountsRefused {
  std::string fence;
  std::uint32_t error = 0;
  bool operator==(const MountsRefused&) const = default;
};

/// Stored in the supervisor's log: a new one is added at the end.
enum class EndKind : std::uint8_t {
  exited,       ///< `status`
  signalled,    ///< `status` is the signal
  not_started,  ///< `step` failed with errno `status`
  log_quota,    ///< killed because its log exceeded its limit
  lost,         ///< the supervisor before this one died; what was left of the attempt has been killed
  forgotten,    ///< it ended and was acknowledged: nothing more is known. Only a response to Start
  memory,       ///< killed because its processes together exceeded `memory_max`
};
/// Whether the fork of a warm interpreter ran an attempt, or why not. Stored in the supervisor's log too.
enum class Warm : std::uint8_t {
  not_asked,
  forked,
  threads,  ///< it has a second thread after its imports, which a fork would lack
  no_fork,  ///< it could not be started, died, took too long, or has too much to do
};
/// The step before the program's start that failed.
enum class Step : std::uint8_t { none, fork, log, directory, execute };

struct Ended {
  /// 1, 2, 3 … in the order of ends, for `List::since`. 0: only a response to Start, which is not kept.
  std::uint64_t number = 0;
  std::string fence;
  EndKind kind = EndKind::exited;
  std::int32_t status = 0;
  Step step = Step::none;
  bool cancelled = false;       ///< a Cancel came before the end
  std::int64_t started_ms = 0;  ///< since 1970
  std::int64_t ended_ms = 0;
  std::int64_t cpu_ms = 0;
  std::int64_t memory_peak = 0;  ///< bytes
  bool memory_of_tree = false;   ///< true: of all processes together; false: of the largest
  Warm warm = Warm::not_asked;
  bool operator==(const Ended&) const = default;
};
/// The last message of the response to List: what is running, and the number of the last end.
struct Holding {
  std::vector<std::string> running;
  std::uint64_t last = 0;
  bool operator==(const Holding&) const = default;
};
struct Goodbye {
  bool ending = false;  ///< false: it continues, because something is running
  std::uint32_t running = 0;
  bool operator==(const Goodbye&) const = default;
};
using Response = std::variant<Welcome, Started, MountsRefused, Ended, Holding, Goodbye>;

}  // namespace sluice::supervisor
