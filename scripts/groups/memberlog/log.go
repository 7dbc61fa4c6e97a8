// Package memberlog writes what a member does, a line of JSON per event: the log that checker.py reads.
package memberlog

import (
	"encoding/json"
	"log"
	"os"
	"sync"
	"time"
)

// Log is the log of one member. Its methods may be called at once.
type Log struct {
	mutex sync.Mutex
	file  *os.File
	name  string
}

// Open adds to the file, which may be there from an earlier life of the member. Without a log, a member is of no use.
func Open(path, name string) *Log {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	return &Log{file: file, name: name}
}

// Event writes one line: time, member, kind of event, and what else there is to say.
func (l *Log) Event(kind string, more map[string]any) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	line := map[string]any{"t": float64(time.Now().UnixMicro()) / 1e6, "m": l.name, "e": kind}
	for key, value := range more {
		line[key] = value
	}
	text, err := json.Marshal(line)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := l.file.Write(append(text, '\n')); err != nil {
		log.Fatal(err)
	}
}
