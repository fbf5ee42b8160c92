#include "sluice/stores/sqlite/own_artifacts.hpp"

#include "sluice/ports/artifacts.hpp"

namespace sluice::stores::sqlite {

std::string own_folder(std::string_view uri, std::string_view name) {
  if (!uri.starts_with(ports::artifact_root) || name.empty()) return {};
  uri.remove_prefix(ports::artifact_root.size());
  while (uri.starts_with('/')) uri.remove_prefix(1);
  constexpr std::string_view artifacts = "/artifacts";
  if (!uri.ends_with(artifacts)) return {};
  uri.remove_suffix(artifacts.size());
  const bool is_its_own = uri == name || (uri.ends_with(name) && uri[uri.size() - name.size() - 1] == '/');
  return is_its_own ? std::string(uri) : std::string();
}

Result<std::int64_t> remove_artifacts(Connection& connection, const std::string& workspace,
                                      const std::string& path) {
  SLUICE_TRY(remove, connection.prepare("DELETE FROM artifacts WHERE workspace = ? AND (path = ? OR "
                                        "(path > ? AND path < ?))"));
  // Of paths below "a": those from "a/" to before "a0", since "0" follows "/" in the order of bytes.
  const auto begin = path.empty() ? std::string() : path + "/";
  const auto end = path.empty() ? std::string("\xff") : path + "0";
  SLUICE_DO(remove.bind(workspace).bind(path).bind(begin).bind(end).run());
  return connection.changes();
}

}  // namespace sluice::stores::sqlite
