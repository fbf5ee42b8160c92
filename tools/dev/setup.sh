# Installs what the build needs and does not find: Debian packages, a Python environment, the built-in models.

# Installs what the programs and the demo need.
set_up() {
  alone set_up_all debian-packages
}

# Installs the same, and what tests and checks need.
set_up_for_tests() {
  alone set_up_all debian-packages debian-packages-tests
}

# set_up_all LIST...
set_up_all() {
  local list
  for list; do set_up_packages "$list"; done
  set_up_python
  set_up_uv
  set_up_models
}

# set_up_packages LIST: installs the packages of tools/LIST.txt.
set_up_packages() {
  local list=tools/$1.txt found=build/$1-versions.txt
  # Nothing was installed or removed since the last check.
  if [[ $found -nt $list && $found -nt /var/lib/dpkg/status ]]; then return; fi

  command -v dpkg-query >/dev/null || fail "Sluice is built on Debian 12 (x86-64), and this is another system; use a container of debian:12"
  local wanted missing
  mapfile -t wanted < <(sed 's/ *#.*//; /^$/d' "$list")
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  if ((${#missing[@]})); then
    ((EUID == 0)) || fail "Debian packages are missing. Run ./dev as root, or this:
  sudo apt-get install --no-install-recommends ${missing[*]}"
    stage "install ${#missing[@]} Debian packages"
    quietly apt-update.txt apt-get update -qq
    DEBIAN_FRONTEND=noninteractive quietly apt-install.txt \
      apt-get install -y -qq --no-install-recommends "${missing[@]}"
  fi
  mkdir -p build
  dpkg-query -W -f '${Package} ${Version}\n' "${wanted[@]}" >"$found"
}

missing_packages() {
  comm -23 <(printf '%s\n' "$@" | sort) \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' | sort)
}

# Installs exactly what tools/requirements.lock names into build/venv, each file checked against its hash.
set_up_python() {
  local stamp=build/venv/requirements.sha256 lock
  lock=$(sha256sum <tools/requirements.lock)
  if [[ -f $stamp && $(<"$stamp") == "$lock" ]]; then return; fi
  stage "install Python packages into build/venv"
  rm -rf build/venv
  quietly venv.txt /usr/bin/python3 -m venv build/venv
  quietly pip.txt build/venv/bin/pip install --disable-pip-version-check --no-input --no-deps --only-binary :all: \
    --require-hashes --requirement tools/requirements.lock
  echo "$lock" >"$stamp"
}

# uv, which makes Python environments: of tasks, and of the clients in tests.
set_up_uv() {
  if [[ -x build/lib/sluice/uv && build/uv -nt tools/uv.lock ]]; then return; fi
  stage "install uv into build/uv"
  quietly uv.txt build/venv/bin/python tools/clients.py --uv
  touch build/uv
  mkdir -p build/lib/sluice
  ln -sfn ../../uv/bin/uv build/lib/sluice/uv
}

set_up_models() {
  if /usr/bin/python3 tools/builtin_models.py --is-made build/models; then return; fi
  stage "build the built-in models"
  quietly models.txt build/venv/bin/python tools/builtin_models.py build/models
}

# lock_python_packages [NAME]
lock_python_packages() {
  local scratch
  scratch=$(mktemp -d)
  /usr/bin/python3 -m venv "$scratch"
  "$scratch/bin/python" tools/lock_requirements.py "$@"
  rm -rf "$scratch"
}
