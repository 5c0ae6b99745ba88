// The CustomResourceDefinitions of ServiceMonitor and PrometheusRule are files of this module.
module portico.dev/tools/monitoring

go 1.24.0

require github.com/prometheus-operator/prometheus-operator v0.85.0
