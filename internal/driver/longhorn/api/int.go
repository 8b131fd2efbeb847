package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// Int is a whole number in an answer. Longhorn writes sizes as text and counts as
// numbers, and not every version agrees on which is which; both are read. Null
// and empty text are zero.
type Int int64

// UnmarshalJSON implements [json.Unmarshaler].
func (i *Int) UnmarshalJSON(data []byte) error {
	text := string(bytes.TrimSpace(data))
	if text == "null" {
		*i = 0
		return nil
	}
	if len(text) > 0 && text[0] == '"' {
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
		if text == "" {
			*i = 0
			return nil
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("%.40q is not a whole number", text)
	}
	*i = Int(n)
	return nil
}
