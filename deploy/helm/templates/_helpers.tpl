{{- define "labels" -}}
app.kubernetes.io/name: kafkaesque
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "about" -}}
{{ include "labels" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* The brokers that the cluster begins with, and where they listen for each other. */ -}}
{{- define "peers" -}}
{{- $peers := list }}
{{- range $n := until (int .Values.voters) }}
{{- $peers = append $peers (printf "%d=%s-%d.%s-brokers:9093" $n $.Release.Name $n $.Release.Name) }}
{{- end }}
{{- join "," $peers }}
{{- end }}
