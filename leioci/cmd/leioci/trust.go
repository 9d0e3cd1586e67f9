package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lowendinsight/lei-go/leioci"
)

// The environment variables for what --key and --policy say.
const (
	keysVariable   = "LEI_TRUSTED_KEYS"
	policyVariable = "LEI_POLICY"
)

// trustHelp explains the flags that say whom to trust.
const trustHelp = `With --key, only what one of these public keys has signed is accepted, as "cosign sign --key" signs; all
else is status 4. LEI_TRUSTED_KEYS lists such files where no --key is given, separated by colons
(semicolons on Windows). With --policy, or LEI_POLICY, a JSON file says for each repository which keys
have to have signed, and how old a snapshot may be; go doc leioci.ReadPolicy describes it.`

// validityHelp describes the members of validityJSON.
const validityHelp = `valid_until and next_update are there if the
publisher says so, and signatures (signer, format, time) if some were asked for.`

// trustFlags say whose artifacts are accepted.
type trustFlags struct {
	env    environment
	cmd    *cobra.Command
	keys   []string
	policy string
}

func addTrustFlags(cmd *cobra.Command, env environment) *trustFlags {
	f := &trustFlags{env: env, cmd: cmd}
	cmd.Flags().StringArrayVar(&f.keys, "key", nil,
		"accept only what the public key in this PEM `file` has signed; of several, one is enough")
	cmd.Flags().StringVar(&f.policy, "policy", "", "JSON `file` that says whose signatures are needed, for each repository")
	return f
}

// addAllowanceFlag adds the flag for what has expired.
func addAllowanceFlag(cmd *cobra.Command, allowance *days) {
	cmd.Flags().Var(allowance, "clock-allowance",
		"accept a snapshot for this much longer than its publisher says it is good, such as 10m, or 3650d for one of the past")
}

// options returns what the flags and the environment ask for. Their mistakes are usage errors.
func (f *trustFlags) options() ([]leioci.TrustOption, error) {
	var opts []leioci.TrustOption
	keys, from := f.keys, "--key"
	if list := f.env.getenv(keysVariable); !f.cmd.Flags().Changed("key") && list != "" {
		keys, from = filepath.SplitList(list), keysVariable
	}
	if len(keys) > 0 {
		v, err := readKeys(keys, from)
		if err != nil {
			return nil, usageError{err}
		}
		opts = append(opts, leioci.WithVerifier(v))
	}
	policy, from := f.policy, "--policy"
	if !f.cmd.Flags().Changed("policy") {
		policy, from = f.env.getenv(policyVariable), policyVariable
	} else if policy == "" {
		return nil, usageError{errors.New("--policy is empty")}
	}
	if policy != "" {
		p, err := leioci.ReadPolicy(policy)
		if err != nil {
			return nil, usageError{fmt.Errorf("%s: %w", from, err)}
		}
		opts = append(opts, leioci.WithPolicy(p))
	}
	return opts, nil
}

// readKeys reads files with public keys.
func readKeys(files []string, from string) (leioci.Verifier, error) {
	var pem [][]byte
	for _, file := range files {
		if file == "" {
			return nil, fmt.Errorf("%s: the name of a file is empty", from)
		}
		text, err := readPEM(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", from, err)
		}
		if _, err := leioci.VerifyKey(text); err != nil {
			return nil, fmt.Errorf("%s %s: %w", from, file, errors.Unwrap(err))
		}
		pem = append(pem, text)
	}
	return leioci.VerifyKey(pem...)
}

// pullOptions and copyOptions return trust options for a pull and for a copy.
func pullOptions(opts []leioci.TrustOption) (converted []leioci.PullOption) {
	for _, opt := range opts {
		converted = append(converted, opt)
	}
	return converted
}

func copyOptions(opts []leioci.TrustOption) (converted []leioci.CopyOption) {
	for _, opt := range opts {
		converted = append(converted, opt)
	}
	return converted
}

// A signatureJSON says who signed an artifact.
type signatureJSON struct {
	Signer string `json:"signer"`
	Format string `json:"format"`
	Time   string `json:"time,omitempty"`
}

// validityJSON is what a publisher says about the time for which a snapshot is good, and who signed
// that. These are members of what pull and verify print.
type validityJSON struct {
	ValidUntil string          `json:"valid_until,omitempty"`
	NextUpdate string          `json:"next_update,omitempty"`
	Signatures []signatureJSON `json:"signatures,omitempty"`
}

func newValidity(res *leioci.PullResult) validityJSON {
	var v validityJSON
	if res == nil {
		return v
	}
	v.ValidUntil, v.NextUpdate = instantText(res.ValidUntil), instantText(res.NextUpdate)
	for _, s := range res.Signatures {
		v.Signatures = append(v.Signatures, signatureJSON{s.Signer, s.Format, instantText(s.Time)})
	}
	return v
}

// instantText writes a time, or nothing for none.
func instantText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// describe says who signed a snapshot, as the end of a sentence.
func (v validityJSON) describe() string {
	if len(v.Signatures) == 0 {
		return ""
	}
	var signers []string
	for _, s := range v.Signatures {
		signers = appendUnique(signers, shortened(s.Signer)) // a directory may say it
	}
	return ", signed by " + strings.Join(signers, " and ")
}
