#pragma once
#include <string_view>

namespace sluice::log {

enum class Level { debug, info, warning, error, off };

/// The log of the programs themselves, on standard error. Never log a secret, a token or a picture.
/// Thread-safe. Warnings and errors are written unless `set_level` says otherwise.
void set_level(Level level);
/// Writes messages alone, without time and level: for a program whose output another one adds to its log.
void set_bare();
void debug(std::string_view message);
void info(std::string_view message);
void warning(std::string_view message);
void error(std::string_view message);

}  // namespace sluice::log
