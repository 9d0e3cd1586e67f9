// Package leastwork moves artifacts with the least possible work, as the measure of other clients:
// no authentication, no existence checks, no retries, no limits.
package leastwork

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

const manifestType = "application/vnd.oci.image.manifest.v1+json"

// Client talks plain HTTP to one registry.
type Client struct {
	HTTP *http.Client
	Host string
}

// Manifest is what this package needs of an image manifest.
type Manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        Descriptor   `json:"config"`
	Layers        []Descriptor `json:"layers"`
}

// Descriptor describes a blob.
type Descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

var errDigest = errors.New("content does not match its digest")

func digestOf(hash []byte) string { return "sha256:" + hex.EncodeToString(hash) }

func digestOfBytes(data []byte) string {
	hash := sha256.Sum256(data)
	return digestOf(hash[:])
}

func (c *Client) url(repo, kind, id string) string {
	return "http://" + c.Host + "/v2/" + repo + "/" + kind + "/" + id
}

// do sends a request, and returns a response with the wanted status. The caller closes its body.
func (c *Client) do(ctx context.Context, method, url string, body io.Reader, size int64, contentType string, want int) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.ContentLength = size
		req.Header.Set("Content-Type", contentType)
	}
	if method == http.MethodGet {
		req.Header.Set("Accept", manifestType)
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != want {
		resp.Body.Close()
		return nil, fmt.Errorf("%s %s: %s", method, url, resp.Status)
	}
	return resp, nil
}

// send is do for responses without a body of interest.
func (c *Client) send(ctx context.Context, method, url string, body io.Reader, size int64, contentType string, want int) (http.Header, error) {
	resp, err := c.do(ctx, method, url, body, size, contentType, want)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body) // for the connection's next request
	return resp.Header, err
}

// upload sends a blob in two requests.
func (c *Client) upload(ctx context.Context, repo, digest string, size int64, body io.Reader) error {
	header, err := c.send(ctx, http.MethodPost, c.url(repo, "blobs", "uploads/"), nil, 0, "", http.StatusAccepted)
	if err != nil {
		return err
	}
	session, err := url.Parse(c.url(repo, "blobs", "uploads/"))
	if err != nil {
		return err
	}
	if session, err = session.Parse(header.Get("Location")); err != nil {
		return err
	}
	query := session.Query()
	query.Set("digest", digest)
	session.RawQuery = query.Encode()
	_, err = c.send(ctx, http.MethodPut, session.String(), body, size, "application/octet-stream", http.StatusCreated)
	return err
}

func (c *Client) putManifest(ctx context.Context, repo, tag string, body io.Reader, size int64) error {
	_, err := c.send(ctx, http.MethodPut, c.url(repo, "manifests", tag), body, size, manifestType, http.StatusCreated)
	return err
}
