# Every daily act. `make` alone prints them.

SERVICES := $(sort $(notdir $(patsubst %/,%,$(wildcard services/*/))))
BIN := .venv/bin

# One test process a core, and never more than four: each has databases of its own.
JOBS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); [ $$n -gt 4 ] && echo 4 || echo $$n)

TESTS_OF_S = $(wildcard services/$(S)/tests libs/$(S)/tests $(S)/tests)
# With ARGS="-k …" one of two runs may well select nothing, which pytest reports as 5.
OR_NONE = $(if $(ARGS),[ $$? = 5 ] ||)

.DEFAULT_GOAL := help
.PHONY: help install install-dev up down test journeys faults bench check fix api events \
	capabilities security release migration new-service new-feature env lock clean

##@ Run
help: ## print this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nServices: %s\n' '$(SERVICES)'

up: install ## start everything on this machine, with demo data; ARGS= for the fairway command
	@$(BIN)/fairway up --demo $(ARGS)

down: install ## stop what `make up` started
	@$(BIN)/fairway down $(ARGS)

env: ## write the secrets docker compose needs into .env; what is there already stays
	@tools/make-env

install: ## make .venv with what the services need to run
	@tools/install suite

install-dev: ## the same, with what the tests and checks need
	@tools/install dev

##@ Test
ifdef S
test: install-dev ## run the tests; S=sales runs those of one service, ARGS= for pytest
	@$(if $(TESTS_OF_S),,echo 'S=$(S) has no tests; S is one of: $(SERVICES) common suite'; exit 2)
	@$(if $(filter common,$(S)),tools/ensure-rabbitmq,:)
	@$(BIN)/pytest -n $(JOBS) --dist loadfile $(TESTS_OF_S) $(ARGS)
else
test: install-dev
	@tools/ensure-rabbitmq
	@tools/ensure-chromium
	@status=0; \
	$(BIN)/pytest -n $(JOBS) --dist loadfile --ignore tests/faults $(ARGS) || $(OR_NONE) status=1; \
	echo 'And now the faults, one at a time: they measure how long a recovery takes.'; \
	$(BIN)/pytest tests/faults $(ARGS) || $(OR_NONE) status=1; \
	exit $$status
endif

journeys: install-dev ## run the flows that cross services
	@$(BIN)/pytest tests/journeys $(ARGS)

faults: install-dev ## kill real processes and look whether anything is lost; ARGS="-m nightly" for the long ones
	@tools/ensure-rabbitmq
	@$(BIN)/pytest tests/faults $(ARGS)

bench: install-dev ## measure; ARGS= names one benchmark
	@$(BIN)/python -m benchmarks $(ARGS)

##@ Check
check: install-dev ## everything that is checked beside the tests; ONLY=mypy runs one check
	@$(BIN)/python -m tools.check $(ONLY)

fix: install-dev ## format the code and repair what can be repaired
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format --quiet .

##@ Change
api: install-dev ## write services/*/api and the documents made from them; S= for one service
	@$(BIN)/python -m tools.api $(S)
	@$(BIN)/python -m tools.event_map

events: install-dev ## write docs/events.md: who says what, and who hears it
	@$(BIN)/python -m tools.event_map

capabilities: install-dev ## write docs/capabilities.md: which tests prove which capability
	@$(BIN)/python -m tools.capabilities $(ARGS)

security: install-dev ## write docs/security.md: what is tried, and the tests that try it
	@$(BIN)/python -m tools.security

release: install-dev ## declare services/*/api released: from now on it is kept; S= for one service
	@$(BIN)/python -m tools.api_diff --release $(S)

migration: install-dev ## write a migration from the models: S=sales M="quotes get a discount"
	@$(BIN)/python -m tools.migration "$(S)" "$(M)"

new-service: install-dev ## make the rooms of a new service: NAME=field-service FEATURE=visits
	@$(BIN)/python -m tools.new_service $(NAME) $(if $(FEATURE),--feature $(FEATURE)) $(ARGS)

new-feature: install-dev ## make the four files of a feature and its tests: S=sales NAME=rebates
	@$(BIN)/python -m tools.new_feature $(S) $(NAME) $(ARGS)

lock: install-dev ## work out requirements/*.txt anew from *.in; ARGS=--upgrade takes newer versions
	@tools/lock $(ARGS)

clean: ## remove .venv and what the tools left behind; the data of `make up` stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .grimp_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
